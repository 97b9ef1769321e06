"""The traces that providers opened of drawn segments."""

from collections.abc import Sequence
from dataclasses import dataclass

from assay.proof.beacon import Pulse
from assay.schema.epoch import EpochTraced
from assay.schema.event import Envelope
from assay.store import Transaction


@dataclass(frozen=True, slots=True)
class Opened:
    """What a provider signed of one segment: the trace's root, the blob that holds it, and when it did."""

    root: str
    trace: str
    time_ms: int
    signature: str


Place = tuple[str, int]


async def open_trace(tx: Transaction, said: Envelope[EpochTraced]) -> None:
    """Keep a trace of an epoch's own provider; the first for a segment stands."""
    sql = """insert into traces (epoch_id, lease_id, segment, root, trace, time_ms, signature)
             select epoch_id, $3, $4, $5, $6, $7, $8 from epochs
             where epoch_id = $1 and provider = $2 on conflict do nothing"""
    event = said.event
    place = (event.epoch_id, event.provider, event.lease_id, event.segment)
    await tx.execute(sql, *place, event.root, event.trace, said.time_ms, said.signature)


async def of_epoch(tx: Transaction, epoch_id: str) -> dict[Place, Opened]:
    """The traces of an epoch, by lease and segment."""
    rows = await tx.fetch("select * from traces where epoch_id = $1", epoch_id)
    return {
        (row["lease_id"], row["segment"]): Opened(row["root"], row["trace"], row["time_ms"], row["signature"])
        for row in rows
    }


async def of_epochs(tx: Transaction, epoch_ids: Sequence[str]) -> dict[str, dict[Place, Opened]]:
    """The traces of each of these epochs."""
    return {epoch_id: await of_epoch(tx, epoch_id) for epoch_id in sorted(set(epoch_ids))}


async def await_block(tx: Transaction, epoch_id: str, block: int) -> None:
    """Keep the block, later than all traces of an epoch, whose hash draws what of them is looked at."""
    sql = "update epochs set trace_block = $2 where epoch_id = $1 and trace_block is null"
    await tx.execute(sql, epoch_id, block)


async def note_block(tx: Transaction, epoch_id: str, pulse: Pulse) -> None:
    """Keep that block's hash."""
    await tx.execute("update epochs set trace_hash = $2 where epoch_id = $1", epoch_id, pulse.value.hex())
