"""The parts of the axis by name, and how their results become one."""

from collections.abc import Sequence
from importlib import import_module
from importlib.util import find_spec
from typing import Final

from bench.result import Figures, Result

PARTS: Final = (
    "bench.verification.commitments",
    "bench.verification.pool",
    "bench.verification.draws",
    "bench.numerics",
    "bench.trace",
    "bench.inference",
    "bench.court",
)


def run_part(module: str) -> Result:
    """The result of one part, printed; a result that only says so where the part is not here."""
    name = module.rpartition(".")[2]
    if find_spec(module) is None or not hasattr(part := import_module(module), "run"):
        return Result(name, {"part": "not in this tree"}, {}, {}, {}, ())
    result: Result = part.run()
    print(result.table(), flush=True)
    return result


def merge(axis: str, results: Sequence[Result]) -> Result:
    """All in one: figures, ratios and aims under the names of their parts, peers side by side."""
    peers: dict[str, Figures] = {}
    for result in results:
        for name, figures in result.peers.items():
            peers[name] = {**peers.get(name, {}), **{f"{result.axis}.{key}": value for key, value in figures.items()}}
    return Result(
        axis,
        {f"{each.axis}.{name}": value for each in results for name, value in each.figures.items()},
        peers,
        {f"{each.axis}.{name}": value for each in results for name, value in each.ratios.items()},
        {f"{each.axis}.{name}": value for each in results for name, value in each.aims.items()},
        tuple(f"{each.axis}: {note}" for each in results for note in each.notes),
    )
