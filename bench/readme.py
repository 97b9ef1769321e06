"""Runs an axis and puts what it prints into its page, unedited: `python -m bench.readme pipeline`."""

import os
import re
import sys
from importlib import import_module
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parent.parent
PAGES: Final = {
    "pipeline": ROOT / "README.md",
    "verification": ROOT / "docs/benchmarks.md",
    "settlement": ROOT / "docs/benchmarks.md",
    "lowcomm": ROOT / "docs/benchmarks.md",
    "checkpoint": ROOT / "docs/benchmarks.md",
    "recovery": ROOT / "docs/benchmarks.md",
    "streaming": ROOT / "docs/benchmarks.md",
    "federated": ROOT / "docs/benchmarks.md",
}


def main(axis: str) -> None:
    """Write the result between the marks of the axis, with the command and beside what load it was measured."""
    load, cores = os.getloadavg()[0], len(os.sched_getaffinity(0))
    table = import_module(f"bench.{axis}").run().table().strip()
    how = f"make bench AXIS={axis}: {cores} shared cores, load average before the run {load:.1f}"
    page = PAGES[axis]
    page.write_text(put(page.read_text(), axis, f"```text\n{table}\n{how}\n```"))


def put(page: str, axis: str, block: str) -> str:
    """The page with `block` between the axis's marks. Raises ValueError if it has none."""
    marks = re.compile(rf"(<!-- measured: {axis} -->\n).*?(\n<!-- /measured -->)", re.DOTALL)
    after, found = marks.subn(lambda match: match[1] + block + match[2], page)
    if found != 1:
        raise ValueError(f"The page has {found} places for {axis}.")
    return after


if __name__ == "__main__":
    main(*sys.argv[1:])
