#!/usr/bin/env bash
# Compiles and tests the contracts and writes the artefacts that Python loads (checked in: running needs no compiler).
set -euo pipefail
cd "$(dirname "$0")"
forge=node_modules/@foundry-rs/forge-linux-amd64/bin/forge
abi=../src/assay/chain/abi

[ node_modules/.package-lock.json -nt package-lock.json ] || npm ci --silent --ignore-scripts --no-audit --no-fund

# forge keeps files under HOME; a fresh one makes every build alike.
HOME=$(mktemp -d)
export HOME
trap 'rm -rf "$HOME"' EXIT

"$forge" build
"$forge" test "$@"
# What calls take may not change by more than a twentieth unseen; after a wanted change: rm gas.snapshot and build.
if [ -f gas.snapshot ]; then
  "$forge" snapshot --match-contract 'Gas' --snap "$HOME/snapshot" --check gas.snapshot --tolerance 5
else
  "$forge" snapshot --match-contract 'Gas' --snap gas.snapshot
fi
node tools/artefacts.js "$abi"
