#!/usr/bin/env bash
# Compiles and tests the contracts and writes the artefacts that Python loads (checked in: running needs no compiler).
set -euo pipefail
. "$(dirname "$0")/environment.sh"
abi=../src/assay/chain/abi

forge build
forge test "$@"
# What calls take may not change by more than a twentieth unseen; after a wanted change: rm gas.snapshot and build.
if [ -f gas.snapshot ]; then
  forge snapshot --match-contract 'Gas' --snap "$HOME/snapshot" --check gas.snapshot --tolerance 5
else
  forge snapshot --match-contract 'Gas' --snap gas.snapshot
fi
node tools/artefacts.js "$abi"
