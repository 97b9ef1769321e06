"""What a chain event means for the market: which intent it answers, and which events follow; pure.

The contracts check every signature and role, so a log of theirs is believed whoever sent the transaction. Only refusals
are believed of our own transactions alone: anyone can have a false order of another's job refused.
"""

from collections.abc import Callable, Mapping
from typing import Any

from assay.chain import events as chain
from assay.chain.values import OpenRefusal, SettlementRefusal
from assay.schema.audit import AuditPaid, VerifierSlashed
from assay.schema.event import Event
from assay.schema.job import JobFunded, JobRefunded, JobSettled, JobUnfunded
from assay.schema.lease import LeasePaid, LeaseSlashed
from assay.schema.offer import StakeChanged
from assay.schema.values import Role, address_of, participant_id
from assay.settlement.docket import Docket, Log
from assay.settlement.intents import Open, Settle, Slash, SlashBond, SlashVerifier
from assay.settlement.ledger import Asset, Book, job_name, party, stake
from assay.settlement.outcomes_audits import AUDIT_RULES
from assay.settlement.outcomes_disputes import DISPUTE_RULES, forfeited

UNFUNDED = {
    OpenRefusal.BAD_SIGNATURE: ("job.bad_order", "The escrow contract does not accept the order's signature."),
    OpenRefusal.INSUFFICIENT: ("escrow.insufficient", "The escrow balance is below the price limit."),
    OpenRefusal.PAST_DEADLINE: ("job.past_deadline", "The deadline had passed when the order reached the chain."),
    OpenRefusal.KNOWN: ("escrow.refused", "The escrow holds another order of this job's id."),
}


def conclude(log: Log, docket: Docket) -> None:
    """Take one log into the docket."""
    rule = RULES.get(type(log.event))
    if rule is not None:
        rule(log.event, log, docket)


def stake_changes(docket: Docket, book: Book) -> list[tuple[Event, str]]:
    """The active stake of each provider whose stake the logs have moved, with the log that did it last."""
    return [
        (StakeChanged(provider=provider, amount=active_stake(book, provider), block=log.block), log.id)
        for provider, log in docket.staked.items()
    ]


def active_stake(book: Book, provider: str) -> int:
    """What the book holds as a provider's active stake."""
    return book.balance(stake(address_of(provider)), Asset.NATIVE)


def _opened(event: chain.Opened, log: Log, docket: Docket) -> None:
    body = docket.find(Open.kind, job_name(event.job_id))
    if body and party(event.requester) == party(address_of(body.requester)):
        _fund(body, event.amount, log.tx, log.gas, docket)


def _fund(body: Open, amount: int, tx: str, gas: int, docket: Docket) -> None:
    # A requester can have opened an order of its own for this id, with another limit: nobody may work for that.
    if amount != body.price_limit:
        return _unfund(body, OpenRefusal.KNOWN, docket)
    docket.funded.append(body.job_id)
    docket.finish(body, JobFunded(job_id=body.job_id, requester=body.requester, amount=amount, tx=tx, gas=gas))


def _refused(event: chain.Refused, log: Log, docket: Docket) -> None:
    body = docket.find(Open.kind, job_name(event.job_id))
    if not body or not log.is_own:
        return
    # Somebody relayed the same order before the job was known here: the money is locked all the same.
    earlier = docket.openings.get(body.job_id) if event.reason == OpenRefusal.KNOWN else None
    if earlier and earlier.owner == party(address_of(body.requester)):
        return _fund(body, earlier.amount, earlier.tx, log.gas, docket)
    _unfund(body, OpenRefusal(event.reason), docket)


def _unfund(body: Open, refusal: OpenRefusal, docket: Docket) -> None:
    code, reason = UNFUNDED[refusal]
    unfunded = JobUnfunded(job_id=body.job_id, requester=body.requester, code=code, reason=reason)
    docket.finish(body, unfunded, is_done=False)


def _paid(event: chain.Paid, log: Log, docket: Docket) -> None:
    docket.paid.setdefault(job_name(event.job_id), {})[event.fence] = event.amount


def _settled(event: chain.Settled, log: Log, docket: Docket) -> None:
    job = job_name(event.job_id)
    body, paid = docket.find(Settle.kind, job), docket.paid.pop(job, {})
    if not body:
        return
    if event.receipt_digest.hex() != body.receipt:
        docket.troubles.append(f"{job} was settled in {log.tx} under another receipt than ours")
    leases = [
        LeasePaid(
            lease_id=payout.lease_id,
            job_id=job,
            provider=payout.provider,
            fence=payout.fence,
            amount=paid[payout.fence],
            tx=log.tx,
        )
        for payout in body.payouts
        if payout.fence in paid
    ]
    closing = _closing(body, paid, event.fee, event.refunded, event.receipt_digest.hex(), log)
    audits = [AuditPaid(**audit.model_dump(), tx=log.tx) for audit in body.audits]
    docket.finish(body, *leases, *audits, closing.model_copy(update={"audited": body.audited}))


def _closing(
    body: Settle, paid: Mapping[int, int], fee: int, refunded: int, receipt: str, log: Log
) -> JobSettled | JobRefunded:
    payouts = (payout for payout in body.payouts if payout.fence in paid)
    closing = JobSettled if body.event == JobSettled.type else JobRefunded
    return closing(
        job_id=body.job_id,
        requester=body.requester,
        payouts=tuple(payout.model_copy(update={"amount": paid[payout.fence]}) for payout in payouts),
        fee=fee,
        refunded=refunded,
        tx=log.tx,
        gas=log.gas,
        receipt=receipt,
    )


def _settlement_refused(event: chain.SettlementRefused, log: Log, docket: Docket) -> None:
    job = job_name(event.job_id)
    body = docket.find(Settle.kind, job)
    if not body or not log.is_own:
        return
    if event.reason == SettlementRefusal.RECLAIMED:
        locked = body.refunded + body.fee + body.audited + sum(payout.amount for payout in body.payouts)
        return docket.finish(body, _closing(body, {}, 0, locked, body.receipt, log))
    docket.troubles.append(f"the escrow refused to settle {job}: {SettlementRefusal(event.reason).name}")
    docket.finish(body, is_done=False)


def _slashed(event: chain.Slashed, log: Log, docket: Docket) -> None:
    _staked(event, log, docket)
    name = job_name(event.job_id)
    body = docket.find(Slash.kind, name, event.fence)
    if body and address_of(body.provider) == event.provider.lower():
        slashed = LeaseSlashed(
            lease_id=body.lease_id,
            job_id=body.job_id,
            provider=body.provider,
            fence=body.fence,
            amount=event.amount,
            reason=body.reason,
            tx=log.tx,
        )
        docket.finish(body, slashed)
    bond = docket.find(SlashVerifier.kind, name, event.fence)
    if bond and address_of(bond.verifier) == event.provider.lower():
        slashed_ = VerifierSlashed(
            verifier=bond.verifier, audit_id=bond.audit_id, amount=event.amount, reason=bond.reason, tx=log.tx
        )
        docket.finish(bond, slashed_)
    forfeited(event, log, docket)


def _slash_refused(event: chain.SlashRefused, log: Log, docket: Docket) -> None:
    name = job_name(event.job_id)
    for kind in (Slash.kind, SlashVerifier.kind, SlashBond.kind):
        body = docket.find(kind, name, event.fence)
        if body and log.is_own:
            docket.troubles.append(f"the offence {event.fence} of {name} had been slashed before, by somebody else")
            docket.finish(body, is_done=False)


def _staked(event: chain.Staked | chain.Unstaked | chain.Slashed, log: Log, docket: Docket) -> None:
    docket.staked[participant_id(Role.PROVIDER, event.provider.lower())] = log


RULES: Mapping[type[Any], Callable[[Any, Log, Docket], None]] = {
    chain.Opened: _opened,
    chain.Refused: _refused,
    chain.Paid: _paid,
    chain.Settled: _settled,
    chain.SettlementRefused: _settlement_refused,
    chain.Slashed: _slashed,
    chain.SlashRefused: _slash_refused,
    chain.Staked: _staked,
    chain.Unstaked: _staked,
    **AUDIT_RULES,
    **DISPUTE_RULES,
}
