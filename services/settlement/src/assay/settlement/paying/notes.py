"""What logs of Payment and Challenges change beside the ledger (places, exits, epochs, demands), and what is said."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from assay.chain.payment import events as payment
from assay.proof.eip712 import Domain
from assay.schema.event import Event
from assay.schema.payment import PaymentEnlisted, PaymentFinalised, PaymentPosted, PaymentVoided, VoidReason
from assay.schema.values import derive_id
from assay.settlement.docket import Docket, Log
from assay.settlement.paying import epochs, tree
from assay.settlement.paying.intents import demand_turn, payment_name
from assay.settlement.relaying import queue
from assay.store import Transaction

FINISH = """
update intents set state = 'done' where kind = $1 and about = $2 and ($3::bigint is null or fence = $3)
and state in ('pending', 'sent')
"""
# What our own transaction did is done, whatever there was to do.
FINISH_SENT = """
update intents set state = 'done' where state = 'sent' and kind = $1 and (sender, nonce) in (
    select sender, nonce from attempts where hash = $2
)
"""
REFUSE_ANSWERS = """
update intents set state = 'refused' where kind = 'answer' and about = $1 and state in ('pending', 'sent')
"""
DEMAND = """
insert into demands (epoch, kind, index, deadline, block) values ($1, $2, $3, $4, $5)
on conflict (epoch, kind, index) do update set deadline = excluded.deadline, block = excluded.block
"""
REASONS = tuple(VoidReason)
LEAVING = "insert into exits (requester, amount, cutoff, block) values ($1, $2, $3, $4)"


@dataclass(frozen=True, slots=True)
class Notes:
    """Where the rules write: the transaction, the docket of what is said, in the domain of one Payment."""

    tx: Transaction
    docket: Docket
    domain: Domain

    def say(self, kind: type[Event], log: Log, *name: object, **fields: Any) -> None:
        """A fact of Payment, which its domain and `name` tell from all others of its kind."""
        id_ = derive_id("m", self.domain.chain_id, self.domain.verifying_contract, *name)
        self.docket.events.append((kind(payment_id=id_, tx=log.tx, block=log.block, **fields), log.id))


async def note(notes: Notes, log: Log) -> None:
    """Take in what the log changes, and what is said of it."""
    if rule := RULES.get(type(log.event)):
        await rule(notes, log.event, log)


async def _registered(notes: Notes, event: payment.Registered, log: Log) -> None:
    account = event.account.lower()
    await tree.place(notes.tx, account, event.index)
    await notes.tx.execute(FINISH, "enlist", account, None)
    notes.say(PaymentEnlisted, log, "place", event.index, account=account, place=event.index)


async def _relayed(notes: Notes, event: Any, log: Log) -> None:
    if log.is_own:
        await queue.finish(notes.tx, log.tx)


async def _deposited(notes: Notes, event: payment.Deposited, log: Log) -> None:
    await _relayed(notes, event, log)
    await notes.tx.execute(FINISH_SENT, "refill", bytes.fromhex(log.tx[2:]))


async def _leaving(notes: Notes, event: payment.Leaving, log: Log) -> None:
    await _relayed(notes, event, log)
    await notes.tx.execute(LEAVING, event.requester.lower(), Decimal(event.amount), event.cutoff, log.block)


async def _withdrawn(notes: Notes, event: payment.Withdrawn, log: Log) -> None:
    await _relayed(notes, event, log)
    await notes.tx.execute(LEAVING, event.requester.lower(), Decimal(0), 0, log.block)


async def _posted(notes: Notes, event: payment.Posted, log: Log) -> None:
    epoch = event.epoch
    first_step = await epochs.mark_posted(notes.tx, epoch, log)
    if first_step is None:
        wrong = f"epoch {epoch.number} of Payment, posted in {log.tx}, is not the one that was closed here"
        notes.docket.troubles.append(wrong)
        return
    await notes.tx.execute(FINISH, "post", payment_name(epoch.number), None)
    state = epoch.state
    sums = {"root": state.hash.hex(), "credits": state.credits, "debits": state.debits}
    steps = {"first_step": first_step, "steps": epoch.steps, "steps_root": epoch.steps_root.hex()}
    who = {"posted_at": epoch.posted_at, "poster": epoch.poster.lower(), "gas": log.gas}
    notes.say(PaymentPosted, log, "epoch", epoch.number, number=epoch.number, **steps, **sums, **who)


async def _finalised(notes: Notes, event: payment.Finalised, log: Log) -> None:
    await epochs.mark_final(notes.tx, event.number, log.block)
    await _done(notes, event, log)
    notes.say(PaymentFinalised, log, "epoch", event.number, number=event.number)


async def _done(notes: Notes, event: Any, log: Log) -> None:
    await notes.tx.execute(FINISH_SENT, "pay", bytes.fromhex(log.tx[2:]))


async def _voided(notes: Notes, event: payment.Voided, log: Log) -> None:
    reason = REASONS[event.reason]
    await epochs.mark_void(notes.tx, event.number, reason)
    await notes.tx.execute("delete from demands where epoch = $1", event.epoch.hex())
    await notes.tx.execute(REFUSE_ANSWERS, event.epoch.hex())
    notes.docket.troubles.append(f"epoch {event.number} of Payment is void ({reason}): its steps are posted again")
    notes.say(PaymentVoided, log, "epoch", event.number, number=event.number, reason=reason)


async def _demanded(notes: Notes, event: payment.DemandMade, log: Log) -> None:
    await notes.tx.execute(DEMAND, event.epoch.hex(), event.kind, event.index, event.deadline, log.block)


async def _answered(notes: Notes, event: payment.Answered, log: Log) -> None:
    sql = "delete from demands where epoch = $1 and kind = $2 and index = $3"
    await notes.tx.execute(sql, event.epoch.hex(), event.kind, event.index)
    await notes.tx.execute(FINISH, "answer", event.epoch.hex(), demand_turn(event.kind, event.index))


RULES: Mapping[type[Any], Callable[[Notes, Any, Log], Awaitable[None]]] = {
    payment.Registered: _registered,
    payment.Deposited: _deposited,
    payment.Leaving: _leaving,
    payment.Withdrawn: _withdrawn,
    payment.Posted: _posted,
    payment.Finalised: _finalised,
    payment.Voided: _voided,
    payment.Paid: _done,
    payment.PayFailed: _done,
    payment.FeesPaid: _done,
    payment.DemandMade: _demanded,
    payment.Answered: _answered,
}
