"""What a receipt says was paid: only passed leases, with the fee at most what they earned, and nothing made or lost."""

from collections import Counter
from collections.abc import Iterator

from assay.proof.policy import ordered_units
from assay.proof.report_reading import Check, LeaseReading, Reading, verdict
from assay.proof.voucher import is_good
from assay.schema.job import Payout
from assay.schema.values import cost_of
from assay.schema.voucher import VOUCHED_KINDS, payable_units


def check_money(reading: Reading) -> Iterator[Check]:
    """Each payout, then the sum."""
    for payout in reading.predicate.payouts:
        yield verdict(f"payout {payout.lease_id}", faults_of_payout(payout, reading), "It is what the lease earned.")
    yield verdict("sum", faults_of_sum(reading), "Payouts, audits and refund add up to what the order allowed.")
    if reading.predicate.audited:
        yield verdict("ordered audits", faults_of_audited(reading), "They cost no more than the order asked for.")


def faults_of_payout(payout: Payout, reading: Reading) -> Iterator[str]:
    lease = next((lease for lease in reading.leases if lease.part.lease_id == payout.lease_id), None)
    if lease is None:
        yield "It goes to a lease that is not in the receipt."
        return
    if (payout.provider, payout.fence) != (lease.part.provider, lease.part.fence):
        yield "It does not go to the lease's provider."
    outcomes = {said.outcome for said in reading.predicate.verdicts if said.lease_id == payout.lease_id}
    is_unproven = not lease.commits and lease.voucher is not None
    if outcomes != (set() if is_unproven else {"passed"}):
        yield "The lease has no verdict that it passed."
    earned = cost_of(units_of(lease, reading), lease.part.mega_unit_price)
    if payout.amount + payout.fee > earned:
        yield f"{payout.amount} and a fee of {payout.fee} were paid for work worth {earned}."


def units_of(lease: LeaseReading, reading: Reading) -> int:
    """What a lease is paid for: its commitments, or where vouchers pay, what its requester signed that it owes."""
    order, voucher = reading.order, lease.voucher
    if order is None or order.spec.kind not in VOUCHED_KINDS:
        return sum(commit.units for commit in lease.commits)
    is_owed = voucher is not None and is_good(reading.predicate.deployment.domain, order.requester, voucher)
    return payable_units(voucher.units, len(lease.commits), order.spec.segment_units) if voucher and is_owed else 0


def faults_of_sum(reading: Reading) -> Iterator[str]:
    predicate = reading.predicate
    paid = sum(payout.amount for payout in predicate.payouts)
    if max(Counter(payout.lease_id for payout in predicate.payouts).values(), default=0) > 1:
        yield "A lease was paid twice."
    if predicate.fee != sum(payout.fee for payout in predicate.payouts):
        yield "The fees of the payouts do not make the fee."
    fees = predicate.fee + predicate.audited
    if reading.order and paid + fees + predicate.refunded != reading.order.price_limit:
        fee = f", {fees} for audits" if fees else ""
        yield f"{paid} paid{fee} and {predicate.refunded} refunded do not make {reading.order.price_limit}."


def faults_of_audited(reading: Reading) -> Iterator[str]:
    """More paid for the order's own audits than so many answers cost at the dearest of its leases."""
    price = max((lease.part.mega_unit_price for lease in reading.leases), default=0)
    most = cost_of(ordered_units(reading.order.spec), price) if reading.order else 0
    if reading.predicate.audited > most:
        yield f"{reading.predicate.audited} were paid for audits that cost {most} at most."
