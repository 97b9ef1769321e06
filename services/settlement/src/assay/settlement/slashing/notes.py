"""What logs of Slashing change beside the ledger, and what is said of them: an accusation's way to its end."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from assay.chain.governed import stake_events as chain
from assay.chain.governed.purses import Shared
from assay.schema import slash
from assay.schema.event import Event
from assay.schema.lease import SlashReason
from assay.schema.values import derive_id
from assay.settlement import queries
from assay.settlement.docket import Log
from assay.settlement.ledger import job_name
from assay.settlement.paying.notes import Notes
from assay.settlement.slashing import accusations, harms
from assay.settlement.slashing.intents import Refund, Share

FINISH = """
update intents set state = 'done' where about = $1 and kind = any($2::text[]) and state in ('pending', 'sent')
"""
RETRY = "update intents set state = 'pending' where about = $1 and kind = any($2::text[]) and state = 'sent'"
# What has arrived since is to be shared, too.
SHARE_AGAIN = """
update intents set state = 'pending', done_block = null where about = $1 and kind = 'share' and state = 'done'
"""
AGAIN = "update accusations set until_s = $2 where accusation = $1 and phase = 'proposed'"
REASONS = tuple(SlashReason)
SHARES_MOST = 100


async def note(notes: Notes, log: Log) -> None:
    """Take in what the log changes, and what is said of it."""
    if rule := RULES.get(type(log.event)):
        await rule(notes, log.event, log)


async def _proposed(notes: Notes, event: chain.Proposed, log: Log) -> None:
    name, reason, offence = event.id.hex(), REASONS[event.reason], job_name(event.offence)
    await accusations.meet(notes.tx, name, reason, offence)
    await notes.tx.execute(FINISH, name, ["accuse"])
    # After a fork it is proposed anew, with another time; that is not said twice.
    await notes.tx.execute(AGAIN, name, event.appeal_until)
    if await accusations.move(notes.tx, name, "proposed", log.tx, event.appeal_until):
        own = await accusations.name_victims(notes.tx, name) if log.is_own else None
        what = {"accused": event.accused.lower(), "reason": reason, "offence": offence}
        sums = {"own": event.own, "backing": event.backing, "appeal_until_s": event.appeal_until}
        whose = {"victim": own.victim, "loss": own.loss, "victims": own.victims} if own else {}
        say(notes, slash.SlashProposed, event.id, log, **what, **sums, **whose, evidence=event.evidence.hex())


async def _appealed(notes: Notes, event: chain.Appealed, log: Log) -> None:
    if await accusations.move(notes.tx, event.id.hex(), "appealed", log.tx, event.rule_until):
        what = {"evidence": event.evidence.hex(), "bond": event.bond, "rule_until_s": event.rule_until}
        say(notes, slash.SlashAppealed, event.id, log, **what)


async def _ruled(notes: Notes, event: chain.AppealRuled, log: Log) -> None:
    """An appeal that is upheld is dismissed by the next log."""
    if await accusations.is_in(notes.tx, event.id.hex(), "appealed"):
        say(notes, slash.SlashRuled, event.id, log, is_upheld=event.is_upheld, grounds=event.grounds.hex())
    if not event.is_upheld:
        await accusations.move(notes.tx, event.id.hex(), "confirmed", log.tx)


async def _executed(notes: Notes, event: chain.SlashExecuted, log: Log) -> None:
    name = event.id.hex()
    await notes.tx.execute(FINISH, name, ["execute", "lapse"])
    if await accusations.move(notes.tx, name, "executed", log.tx):
        sums = {"accused": event.accused.lower(), "amount": event.taken, "burned": event.burned}
        say(notes, slash.SlashExecuted, event.id, log, **sums)
        reason = SlashReason(await notes.tx.fetchval("select reason from accusations where accusation = $1", name))
        found = await accusations.subjects(notes.tx, name)
        notes.docket.events += accusations.told(found, reason, event.taken, log.tx)
        if event.taken and await accusations.is_owed(notes.tx, name):
            await queries.want(notes.tx, Refund(accusation=name), log.id)


async def _refunded(notes: Notes, event: chain.Refunded, log: Log) -> None:
    """What the pool did not have yet is asked for again, and what has arrived in a purse is shared.

    In a hundred parts at most: anybody can have the pool pay single units, and sharing costs more than that.
    """
    name = event.id.hex()
    await notes.tx.execute(FINISH if not event.left else RETRY, name, [Refund.kind])
    if await accusations.lower_due(notes.tx, name, event.left):
        sums = {"victim": event.victim.lower(), "amount": event.amount, "left": event.left}
        say(notes, slash.SlashRefunded, event.id, log, **sums)
    victims = await harms.victims(notes.tx, name)
    if victims and is_worth_sharing(sum(each.loss for each in victims), event):
        await queries.want(notes.tx, Share(accusation=name, victims=victims), log.id)
        await notes.tx.execute(SHARE_AGAIN, name)


def is_worth_sharing(loss: int, event: chain.Refunded) -> bool:
    """Whether this was the last of a refund, or had it pass another hundredth of what was lost."""
    part, made_good = -(-loss // SHARES_MOST), loss - event.left
    return not event.left or made_good // part > (made_good - event.amount) // part


async def _shared(notes: Notes, event: Shared, log: Log) -> None:
    """Anybody may fill a purse of its own in an accusation's name: that one is not this accusation's."""
    name, victim = event.id.hex(), event.victim.lower()
    if not await harms.is_purse(notes.tx, name, event.purse.lower()):
        return
    await notes.tx.execute(FINISH, name, [Share.kind])
    if await harms.lower_due(notes.tx, name, victim, event.left):
        say(notes, slash.SlashShared, event.id, log, victim=victim, amount=event.amount, left=event.left)


async def _dismissed(notes: Notes, event: chain.Dismissed, log: Log) -> None:
    name = event.id.hex()
    await notes.tx.execute(FINISH, name, ["execute", "lapse"])
    if await accusations.move(notes.tx, name, "dismissed", log.tx):
        say(notes, slash.SlashDismissed, event.id, log)
        notes.docket.events += accusations.spared(await accusations.subjects(notes.tx, name), "slash.dismissed")


def say(notes: Notes, kind: type[Event], accusation: bytes, log: Log, **fields: Any) -> None:
    """A fact of an accusation."""
    id_ = derive_id("s", notes.domain.chain_id, notes.domain.verifying_contract, accusation.hex())
    name = {"slash_id": id_, "accusation": accusation.hex(), "tx": log.tx, "block": log.block}
    notes.docket.events.append((kind(**name, **fields), log.id))


RULES: Mapping[type[Any], Callable[[Notes, Any, Log], Awaitable[None]]] = {
    chain.Proposed: _proposed,
    chain.Appealed: _appealed,
    chain.AppealRuled: _ruled,
    chain.SlashExecuted: _executed,
    chain.Dismissed: _dismissed,
    chain.Refunded: _refunded,
    Shared: _shared,
}
