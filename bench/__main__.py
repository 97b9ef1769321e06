"""Runs the axes that are named, or all: `python -m bench [AXIS ...]`. The last line of each is its result as JSON."""

import sys
from importlib import import_module
from typing import Final

AXES: Final = ("pipeline", "verification")


def main(names: list[str]) -> int:
    """The exit code: 2 for an axis that does not exist. A missed aim is a result, not an error."""
    if unknown := sorted(set(names) - set(AXES)):
        print(f"There is no axis {', '.join(unknown)}; there are: {', '.join(AXES)}.", file=sys.stderr)
        return 2
    for name in names or AXES:
        result = import_module(f"bench.{name}").run()
        print(result.table())
        print(result.json(), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
