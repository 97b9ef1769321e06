"""What logs of Rewards are said to mean: periods that were posted, or voided."""

from assay.chain.governed.reward_events import PeriodPosted, PeriodVoided
from assay.schema.reward import RewardPosted, RewardVoided
from assay.schema.values import derive_id
from assay.settlement.docket import Log
from assay.settlement.paying.notes import FINISH, Notes
from assay.settlement.rewarding.intents import Reward, reward_name

OURS = "select body->>'root', body->>'emission' from intents where kind = $1 and about = $2"
OTHER = "its root is not ours, or was made for another emission"


async def note(notes: Notes, log: Log) -> None:
    """Take in what the log changes, and what is said of it."""
    if isinstance(log.event, PeriodPosted):
        await _posted(notes, log.event, log)
    elif isinstance(log.event, PeriodVoided):
        notes.docket.troubles.append(f"period {log.event.number} of rewards was voided: settlement posts it no more")
        notes.docket.events.append((RewardVoided(**name(notes, log.event.number, log)), log.id))


async def _posted(notes: Notes, event: PeriodPosted, log: Log) -> None:
    row = await notes.tx.fetchrow(OURS, Reward.kind, reward_name(event.number))
    if row is None or (row[0], int(row[1])) != (event.root.hex(), event.emission):
        notes.docket.troubles.append(f"period {event.number} of rewards, posted in {log.tx}, is to be voided: {OTHER}")
    await notes.tx.execute(FINISH, Reward.kind, reward_name(event.number), None)
    sums = {"network": event.network, "emission": event.emission, "total": event.total}
    digests = {"root": event.root.hex(), "inputs": event.inputs_digest.hex()}
    notes.docket.events.append((RewardPosted(**name(notes, event.number, log), **sums, **digests), log.id))


def name(notes: Notes, number: int, log: Log) -> dict[str, object]:
    """What every event of a period names."""
    id_ = derive_id("w", notes.domain.chain_id, notes.domain.verifying_contract, number)
    return {"reward_id": id_, "number": number, "tx": log.tx, "block": log.block}
