#!/usr/bin/env bash
# Has slither look at the contracts and holds what it finds against answers.toml, in about a minute. Its environment is
# the folder that is named: `make contracts-analysis` makes it from requirements/analysis.lock.
set -euo pipefail
tools=$(realpath "$1")
. "$(dirname "$0")/environment.sh"

PATH=$tools/bin:$PATH slither . --filter-paths 'node_modules|test' --fail-none --json "$HOME/found.json" 2> "$HOME/words" ||
  { cat "$HOME/words"; exit 1; }
"$tools/bin/python" tools/findings.py "$HOME/found.json" answers.toml
