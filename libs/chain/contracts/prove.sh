#!/usr/bin/env bash
# Proves for all inputs what test/Symbolic.t.sol says of StakeVault, in about two minutes. Its environment is the folder
# that is named: `make contracts-proofs` makes it from requirements/analysis.lock.
set -euo pipefail
tools=$(realpath "$1")
. "$(dirname "$0")/environment.sh"

# Branches that nothing reaches are told apart only with time to do so: with halmos' one millisecond loops never end.
PATH=$tools/bin:$PATH \
  halmos --contract SymbolicChecks --loop 3 --solver-timeout-branching 2000 --solver-timeout-assertion 150000
