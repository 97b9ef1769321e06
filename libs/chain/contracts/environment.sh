# Sourced by the scripts beside it: forge is on the path, and what tools keep under HOME goes with the run, so that every
# run is alike.
cd "$(dirname "${BASH_SOURCE[0]}")"
[ node_modules/.package-lock.json -nt package-lock.json ] || npm ci --silent --ignore-scripts --no-audit --no-fund
PATH=$PWD/node_modules/@foundry-rs/forge-linux-amd64/bin:$PATH
HOME=$(mktemp -d)
export HOME PATH
trap 'rm -rf "$HOME"' EXIT
