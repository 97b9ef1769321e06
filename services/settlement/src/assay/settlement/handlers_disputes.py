"""What settlement does when something is said of a dispute: receipts show it, judgements and bonds are wanted."""

from typing import Any

from assay.runtime.service import Handler
from assay.schema.dispute import (
    DisputeAccepted,
    DisputeAppealed,
    DisputeContested,
    DisputeLodged,
    DisputeObjected,
    DisputePleaded,
    DisputePressed,
    DisputeProven,
    DisputeRuled,
)
from assay.schema.errors import Retry
from assay.schema.event import Envelope, Event
from assay.settlement import disputes, queries
from assay.settlement.intents import Judge
from assay.settlement.lineage_disputes import dispute_part, moves_up_to
from assay.settlement.ports import Ports
from assay.settlement.slashing import offences


async def on_dispute_proven(said: Envelope[DisputeProven], ports: Ports, now: int) -> list[Event]:
    """Want the contract's judgement, once all moves are here: later they would be skipped."""
    proven = said.event
    if not moves_up_to(proven.head, await disputes.said_of(ports.tx, proven.dispute_id)):
        raise Retry(f"Moves of {proven.dispute_id} are not here yet.")
    judge = Judge(
        dispute_id=proven.dispute_id,
        provider=proven.provider,
        verifier=proven.verifier,
        case=proven.case,
        content=proven.call,
    )
    await queries.want(ports.tx, judge, said.id)
    ports.tx.on_commit(ports.bell.ring)
    return []


async def on_dispute_said(said: Envelope[Any], ports: Ports, now: int) -> list[Event]:
    """Remember what the receipt will show of a dispute."""
    ports.touched.update(await disputes.remember(ports.tx, said))
    return []


async def on_dispute_ruled(said: Envelope[DisputeRuled], ports: Ports, now: int) -> list[Event]:
    """Remember how a dispute ended, after all that led there: later it would be skipped. Want the losers accused."""
    await on_dispute_said(said, ports, now)
    ruled = said.event
    if dispute_part(await disputes.said_of(ports.tx, ruled.dispute_id)) is None:
        raise Retry(f"Not all that was said in {ruled.dispute_id} is here yet.")
    return [event for lost in ruled.forfeits for event in await offences.of_dispute(said, lost, ports, now)]


SAID: tuple[type[Event], ...] = (
    DisputeLodged,
    DisputeContested,
    DisputeAccepted,
    DisputePleaded,
    DisputePressed,
    DisputeAppealed,
    DisputeObjected,
)
HANDLERS: dict[type[Event], Handler] = {
    **dict.fromkeys(SAID, on_dispute_said),
    DisputeProven: on_dispute_proven,
    DisputeRuled: on_dispute_ruled,
}
