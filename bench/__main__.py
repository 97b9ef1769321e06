"""Runs the axes that are named, or all: `python -m bench [AXIS ...]`. Each ends with its result as JSON."""

import sys
from importlib import import_module
from itertools import chain
from typing import Final

EXECUTION: Final = ("recovery", "lowcomm", "checkpoint", "streaming")
ALL: Final = ("pipeline", "verification", "settlement", *EXECUTION, "federated")
PARTS: Final = ("numerics", "trace", "inference", "court")
"""What verification runs a part of, and what by itself has its whole length."""
AXES: Final = (*ALL, *PARTS)
GROUPS: Final = {"execution": (*EXECUTION, "numerics")}
"""Axes that run one after the other under one name."""


def main(names: list[str]) -> int:
    """The exit code: 2 for an axis that does not exist. A missed aim is a result, not an error."""
    if unknown := sorted(set(names) - {*AXES, *GROUPS}):
        print(f"There is no axis {', '.join(unknown)}; there are: {', '.join((*AXES, *GROUPS))}.", file=sys.stderr)
        return 2
    for name in chain.from_iterable(GROUPS.get(name, (name,)) for name in names or ALL):
        result = import_module(f"bench.{name}").run()
        print(result.table())
        print(result.json(), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
