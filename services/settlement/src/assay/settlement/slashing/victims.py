"""Whom an offence has cost money that its payment did not give back; pure.

What a false lease would have earned is the requester's again, out of what was held for the job. But a job that ends
rejected leaves its requester without a result, and it still pays the leases before, whose work stands, and the audits
that it ordered. Whoever's fault that is shares it, and Slashing has the insurance pool make it good.
"""

from typing import NamedTuple

from assay.schema.values import address_of
from assay.settlement.domain import portion
from assay.settlement.paying.bills import JobBill


class Victim(NamedTuple):
    """Who lost, and how much, in base units of the stable token."""

    address: str
    loss: int


def victim_of(bill: JobBill, at_fault: int, turn: int) -> Victim:
    """The requester of a rejected job, with the part of its loss that one of `at_fault` accused answers for."""
    paid = sum(payout.amount + payout.fee for payout in bill.payouts) + sum(audit.amount for audit in bill.audits)
    return Victim(address_of(bill.requester), portion(paid, at_fault, turn))
