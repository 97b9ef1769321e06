#!/usr/bin/env bash
# Proves for all inputs what test/Symbolic.t.sol says of StakeVault, in about two minutes; halmos has an environment of its own.
set -euo pipefail
cd "$(dirname "$0")"
[ node_modules/.package-lock.json -nt package-lock.json ] || npm ci --silent --ignore-scripts --no-audit --no-fund
[ -x .venv/bin/halmos ] || { python3 -m venv .venv && .venv/bin/pip install --quiet halmos==0.3.3; }

HOME=$(mktemp -d)
export HOME
trap 'rm -rf "$HOME"' EXIT

# Branches that nothing reaches are told apart only with time to do so: with halmos' one millisecond loops never end.
PATH=$PWD/node_modules/@foundry-rs/forge-linux-amd64/bin:$PWD/.venv/bin:$PATH \
  halmos --contract SymbolicChecks --loop 3 --solver-timeout-branching 2000 --solver-timeout-assertion 150000
