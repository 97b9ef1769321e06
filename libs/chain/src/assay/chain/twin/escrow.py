"""The twin of the contract Escrow."""

from collections.abc import Sequence
from typing import Any

from assay.chain.encode import OPEN, PAY_AUDITS, SETTLE
from assay.chain.errors import Reverted
from assay.chain.events import (
    AuditPaid,
    AuditRefused,
    AuditsFunded,
    Deposited,
    Opened,
    Paid,
    Reclaimed,
    Refused,
    Settled,
    SettlementRefused,
    Withdrawn,
)
from assay.chain.orders import is_signed
from assay.chain.twin import token
from assay.chain.twin.call import Call, Function
from assay.chain.values import AuditRefusal, JobState, OpenRefusal, Order, SettlementRefusal
from assay.chain.words import normal

GRACE_S = 7 * 24 * 3600
FEE_PART_MAX = 20

NO_JOB = ("", 0, JobState.NONE, 0)
UNPAYABLE = {
    JobState.NONE: SettlementRefusal.UNKNOWN,
    JobState.SETTLED: SettlementRefusal.ALREADY_SETTLED,
    JobState.RECLAIMED: SettlementRefusal.RECLAIMED,
}


def deposit(call: Call, amount: int) -> None:
    """Adds tokens of the caller to the caller's balance."""
    deposit_for(call, call.sender, amount)


def deposit_for(call: Call, party: str, amount: int) -> None:
    """Adds tokens of the caller to a party's balance."""
    token.transfer_from(call.by(call.to, call.deployment.stable), call.sender, call.to, amount)
    call.add(amount, "balance", party)
    call.emit(Deposited(party, amount))


def withdraw(call: Call, amount: int) -> None:
    """Sends a part of the caller's balance to the caller."""
    balance = call.number("balance", call.sender)
    if amount > balance:
        raise Reverted(f"BalanceTooLow({balance}, {amount}).")
    call.add(-amount, "balance", call.sender)
    call.emit(Withdrawn(call.sender, amount))
    token.transfer(call.by(call.to, call.deployment.stable), call.sender, amount)


def open_orders(call: Call, orders: Sequence[tuple[Any, ...]], signatures: Sequence[bytes]) -> None:
    """Locks each order's price limit, or says why not."""
    if len(orders) != len(signatures):
        raise Reverted(f"LengthMismatch({len(orders)}, {len(signatures)}).")
    for fields, signature in zip(orders, signatures, strict=True):
        order = Order(fields[0], normal(fields[1]), *fields[2:])
        reason = _refusal(call, order, signature)
        if reason is not None:
            call.emit(Refused(order.job_id, reason))
            continue
        call.add(-order.price_limit, "balance", order.requester)
        call.storage[("job", order.job_id)] = (order.requester, order.deadline, JobState.FUNDED, order.price_limit)
        call.emit(Opened(order.job_id, order.requester, order.price_limit))


def settle(call: Call, settlements: Sequence[tuple[bytes, Sequence[tuple[str, int, int]], int, bytes]]) -> None:
    """Pays each settlement, or says why not."""
    call.demand_role("SETTLER_ROLE")
    for job_id, payouts, fee, receipt_digest in settlements:
        requester, deadline, state, locked = job_of(call, job_id)
        reason = UNPAYABLE.get(state) if state != JobState.FUNDED else _fault(payouts, fee, locked)
        if reason is not None:
            call.emit(SettlementRefused(job_id, reason))
            continue
        call.storage[("job", job_id)] = (requester, deadline, JobState.SETTLED, 0)
        for provider, fence, amount in payouts:
            call.add(amount, "balance", normal(provider))
            call.emit(Paid(job_id, normal(provider), fence, amount))
        paid = sum(payout[2] for payout in payouts)
        call.add(fee, "fund")
        call.add(locked - paid - fee, "balance", requester)
        call.emit(Settled(job_id, paid, fee, locked - paid - fee, receipt_digest))


def fund_audits(call: Call, amount: int) -> None:
    """Adds tokens of the caller to the audit fund."""
    token.transfer_from(call.by(call.to, call.deployment.stable), call.sender, call.to, amount)
    call.add(amount, "fund")
    call.emit(AuditsFunded(call.sender, amount))


def pay_audits(call: Call, payments: Sequence[tuple[bytes, str, int]]) -> None:
    """Pays each audit out of the fund, or says why not."""
    call.demand_role("SETTLER_ROLE")
    for audit_id, verifier, amount in payments:
        reason = _audit_refusal(call, audit_id, verifier, amount)
        if reason is not None:
            call.emit(AuditRefused(audit_id, reason))
            continue
        call.add(1, "audit", audit_id)
        call.add(-amount, "fund")
        call.add(amount, "balance", normal(verifier))
        call.emit(AuditPaid(audit_id, normal(verifier), amount))


def reclaim(call: Call, job_id: bytes) -> None:
    """Gives a locked sum back after deadline and grace."""
    requester, deadline, state, locked = job_of(call, job_id)
    if state != JobState.FUNDED:
        raise Reverted(f"NotFunded(0x{job_id.hex()}).")
    if call.now <= deadline + GRACE_S:
        raise Reverted(f"TooEarly(0x{job_id.hex()}, {deadline + GRACE_S}).")
    call.storage[("job", job_id)] = (requester, deadline, JobState.RECLAIMED, 0)
    call.add(locked, "balance", requester)
    call.emit(Reclaimed(job_id, requester, locked))


def job_of(call: Call, job_id: bytes) -> tuple[str, int, JobState, int]:
    """Returns a job's requester, deadline, state and locked sum."""
    found: tuple[str, int, JobState, int] = call.storage.get(("job", job_id), NO_JOB)
    return found


def _refusal(call: Call, order: Order, signature: bytes) -> OpenRefusal | None:
    if job_of(call, order.job_id)[2] != JobState.NONE:
        return OpenRefusal.KNOWN
    if call.now > order.deadline:
        return OpenRefusal.PAST_DEADLINE
    if not is_signed(order, signature, call.deployment.chain_id, call.deployment.escrow):
        return OpenRefusal.BAD_SIGNATURE
    return OpenRefusal.INSUFFICIENT if order.price_limit > call.number("balance", order.requester) else None


def _audit_refusal(call: Call, audit_id: bytes, verifier: str, amount: int) -> AuditRefusal | None:
    if call.number("audit", audit_id):
        return AuditRefusal.KNOWN
    if int(verifier, 16) == 0:
        return AuditRefusal.NO_VERIFIER
    return AuditRefusal.INSUFFICIENT if amount > call.number("fund") else None


def _fault(payouts: Sequence[tuple[str, int, int]], fee: int, left: int) -> SettlementRefusal | None:
    fence_before = 0
    for provider, fence, amount in payouts:
        if fence <= fence_before:
            return SettlementRefusal.FENCE_ORDER
        if int(provider, 16) == 0:
            return SettlementRefusal.NO_PROVIDER
        if amount > left:
            return SettlementRefusal.OVER_LIMIT
        fence_before, left = fence, left - amount
    if fee > left:
        return SettlementRefusal.OVER_LIMIT
    cost = fee + sum(payout[2] for payout in payouts)
    return SettlementRefusal.FEE_TOO_HIGH if fee > cost // FEE_PART_MAX else None


ESCROW: dict[str, Function] = {
    "deposit(uint256)": deposit,
    "depositFor(address,uint256)": deposit_for,
    "withdraw(uint256)": withdraw,
    OPEN: open_orders,
    SETTLE: settle,
    "fundAudits(uint256)": fund_audits,
    PAY_AUDITS: pay_audits,
    "reclaim(bytes32)": reclaim,
}
