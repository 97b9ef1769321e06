"""The parts of the axis by name, and how their results become one."""

import time
from collections.abc import Sequence
from importlib import import_module
from importlib.util import find_spec
from typing import Final

from bench.result import Figures, Result
from bench.verification.summary import Summary

PARTS: Final = (
    "bench.verification.commitments",
    "bench.verification.pool",
    "bench.verification.draws",
    "bench.verification.net_gain",
    "bench.verification.honest",
    "bench.numerics",
    "bench.trace",
    "bench.court",
    "bench.inference",
    "bench.verification.zero_knowledge",
)


def run_part(module: str) -> Result:
    """The result of one part, printed; a part that has a `sample` gives that. Says so where the part is not here."""
    name = module.rpartition(".")[2]
    if find_spec(module) is None or not hasattr(part := import_module(module), "run"):
        return Result(name, {"part": "not in this tree"}, {}, {}, {}, ())
    print(f"\n{name} ...", flush=True)
    began_s = time.perf_counter()
    result: Result = getattr(part, "sample", part.run)()
    print(result.table())
    print(f"  {name} took {time.perf_counter() - began_s:,.0f} s", flush=True)
    return result


def merge(axis: str, results: Sequence[Result]) -> Summary:
    """All in one: figures, ratios and aims under the names of their parts, peers side by side."""
    peers: dict[str, Figures] = {}
    for result in results:
        for name, figures in result.peers.items():
            peers[name] = {**peers.get(name, {}), **{f"{result.axis}.{key}": value for key, value in figures.items()}}
    return Summary(
        axis,
        {f"{each.axis}.{name}": value for each in results for name, value in each.figures.items()},
        peers,
        {f"{each.axis}.{name}": value for each in results for name, value in each.ratios.items()},
        {f"{each.axis}.{name}": value for each in results for name, value in each.aims.items()},
        tuple(f"{each.axis}: {note}" for each in results for note in each.notes),
    )
