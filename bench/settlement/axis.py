"""Axis `settlement`: the gas of a job, ledger postings a second, the lag from verdict to posted epoch, and memory.

Gas is measured on a node alone. The rest is that of the service as it is deployed, on this machine's cores, which it
shares with its Postgres, NATS, EVM node, and what feeds it.
"""

import asyncio
import tempfile
from dataclasses import replace
from pathlib import Path

from assay.devnet.evm import Evm
from assay.devnet.folder import Folder
from bench.result import Result
from bench.settlement import gas
from bench.settlement.lag import Fed, lags, warm
from bench.settlement.memory import Held, hold
from bench.settlement.node import Node
from bench.settlement.postings import Posted, measure
from bench.settlement.service import settlement

NOTES = (
    "postings: lines of the ledger, by the closer's own batches of 500 jobs; the peer writes the same rows with keys "
    "and no rule, and their balances, in transactions as large",
    "lag: from publishing a job's verdict until its step is seen in a posted epoch; epochs close a second after their "
    "first step, blocks come each half second. Each rate is fed for four seconds, the order to the verdict at once; "
    "`reached_a_second_at` is what came of the rate asked for: where that is below it, jobs waited",
    "what limits it is the processor: `cpu_ms_a_job` of the service, one process on one core, of its servers, and of "
    "the load, which publishes and looks; while memory is watched it also makes and signs each job",
    "one lease of one segment a job, and no epochs of audits: these add their part to each receipt",
)


def run() -> Result:
    """The axis, measured now, in some minutes."""
    with tempfile.TemporaryDirectory(prefix="assay-bench-") as folder:
        found = asyncio.run(beside(Path(folder)))
    with tempfile.TemporaryDirectory(prefix="assay-bench-") as folder:
        return asyncio.run(with_service(found, Path(folder)))


async def beside(folder: Path) -> Result:
    """The gas, on a node of its own."""
    evm = Evm(Folder(folder))
    await evm.start()
    try:
        return await asyncio.to_thread(gas.measure, Node(evm.url))
    finally:
        await evm.stop()


async def with_service(found: Result, folder: Path) -> Result:
    """The gas, and what the service does."""
    async with settlement(folder) as running:
        await warm(running)
        fed, held = await lags(running), await hold(running, None)
        posted = await measure(running)
    return compose(found, fed, held, posted)


def compose(found: Result, fed: list[Fed], held: Held, posted: Posted) -> Result:
    """All figures; what the lag's rates did not reach is seen beside what Postgres alone does with their rows."""
    figures = dict(found.figures) | posted.figures() | held.figures()
    for each in fed:
        figures |= each.figures()
    ratios = dict(found.ratios) | {"postings_over_plain_rows": posted.ours / posted.plain}
    ratios |= {f"reached_over_asked_at_{each.rate}": each.reached / each.rate for each in fed}
    peers = dict(found.peers) | {"Postgres, plain rows by COPY": {"ledger_lines_a_second": posted.plain}}
    return replace(found, figures=figures, ratios=ratios, peers=peers, notes=(*found.notes, *NOTES))
