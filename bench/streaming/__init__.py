"""Axis `streaming`: what bus and door add to the time of a token, beside uvicorn in the engine's own process.

The engine writes a token every ten milliseconds to all its answers and stamps each, so that nothing but the way is
measured. Both ways have it, in one run and in turns. Every request is signed, and every token vouched for, as in the
network. At the end one of two
workers is killed in the middle of 32 answers.
"""

import asyncio
import tempfile
from pathlib import Path
from typing import Final

from bench.result import Result
from bench.streaming.reader import Read, quantile, read_many
from bench.streaming.ways import Ways, open_ways

ROUNDS: Final = 6
SINGLE: Final = 12
MANY: Final = 32
TOKENS: Final = 64
BUDGET_MS: Final = {"first_p50": 0.4, "token_p50": 0.25, "token_p99": 1.0}
AIMS: Final = {
    **{f"{name}_budget_over_added_{streams}": 1.0 for streams in (1, MANY) for name in BUDGET_MS},
    "tokens_kept_over_a_kill": 1.0,
}
LEAST_MS: Final = 0.001
NOTES: Final = (
    "ms from the engine's stamp to the reader for a token, from the question to the first token for the first",
    "added: the quantile by bus and door less that of uvicorn in the engine's own process, in the same run",
    "paid by vouchers, each signed at the door, checked and on disk at the worker; steps of 256 tokens",
)


def run() -> Result:
    """The axis, measured now; about a minute."""
    return asyncio.run(measure())


async def measure() -> Result:
    """Both ways in turns, at one stream and at many; then the kill."""
    with tempfile.TemporaryDirectory(prefix="assay-streaming-") as folder:
        async with open_ways(Path(folder)) as ways:
            found = {
                (way, streams): await rounds(ways, way, streams)
                for streams in (1, MANY)
                for way in ("direct", "served")
            }
            kept, stall_ms = await kill_one(ways)
    return compose(found, kept, stall_ms)


async def rounds(ways: Ways, way: str, streams: int) -> list[Read]:
    """What was read over one way, of so many streams at a time."""
    count = SINGLE if streams == 1 else ROUNDS
    found: list[Read] = []
    for _ in range(count):
        found += await read_many(ways.port_of(way), streams, TOKENS)
    return found


async def kill_one(ways: Ways) -> tuple[float, float]:
    """The part of the tokens that came, once and in order, though a worker was killed; the longest wait in ms."""
    reading = asyncio.create_task(read_many(ways.port_of("served"), MANY, TOKENS))
    await asyncio.sleep(TOKENS * 0.01 / 2)
    ways.kill()
    found = await reading
    whole = sum(each.positions == list(range(TOKENS)) for each in found)
    return whole / MANY, max(each.longest_ms for each in found)


def compose(found: dict[tuple[str, int], list[Read]], kept: float, stall_ms: float) -> Result:
    """The result: what each way takes, and budgets over what is added."""
    figures: dict[str, float | str | None] = {}
    ratios = {"tokens_kept_over_a_kill": kept}
    for streams in (1, MANY):
        took = {way: taken(found[way, streams]) for way in ("direct", "served")}
        for name, budget_ms in BUDGET_MS.items():
            added_ms = took["served"][name] - took["direct"][name]
            figures |= {f"{name}_ms_{streams}": took["served"][name], f"{name}_added_ms_{streams}": added_ms}
            ratios[f"{name}_budget_over_added_{streams}"] = budget_ms / max(added_ms, LEAST_MS)
    figures["longest_wait_over_a_kill_ms"] = stall_ms
    peers = {"uvicorn, direct": {f"{n}_ms_{s}": v for s in (1, MANY) for n, v in taken(found["direct", s]).items()}}
    return Result("streaming", figures, peers, ratios, AIMS, NOTES)


def taken(reads: list[Read]) -> dict[str, float]:
    """The quantiles of what was read, in ms."""
    firsts = [read.first_ms for read in reads]
    late = [ms for read in reads for ms in read.late_ms]
    return {
        "first_p50": quantile(firsts, 0.5),
        "token_p50": quantile(late, 0.5),
        "token_p99": quantile(late, 0.99),
    }
