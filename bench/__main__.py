"""Runs the axes that are named, or the main ones: `python -m bench [AXIS ...]`. Each ends with its result as JSON."""

import sys
from importlib import import_module
from typing import Final

MAIN: Final = ("pipeline", "verification")
# Parts of the second that also run by themselves, at their whole length.
AXES: Final = (*MAIN, "numerics", "trace", "inference", "court", "settlement")


def main(names: list[str]) -> int:
    """The exit code: 2 for an axis that does not exist. A missed aim is a result, not an error."""
    if unknown := sorted(set(names) - set(AXES)):
        print(f"There is no axis {', '.join(unknown)}; there are: {', '.join(AXES)}.", file=sys.stderr)
        return 2
    for name in names or MAIN:
        result = import_module(f"bench.{name}").run()
        print(result.table())
        print(result.json(), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
