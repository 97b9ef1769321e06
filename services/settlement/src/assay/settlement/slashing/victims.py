"""Whom an offence has cost money that its payment did not give back; pure.

What a false lease would have earned is the requester's again, out of what was held for the job; so is what others of
the provider's epoch would have, which are forfeit with it. But a job that ends rejected leaves its requester without a
result, and it still pays the leases before, whose work stands, and the audits that it ordered. Whose fault that is
share it, each offence alike, and Slashing has the insurance pool make it good.
"""

from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

from assay.chain.governed.purses import MOST
from assay.schema.values import address_of
from assay.settlement.domain import portion
from assay.settlement.paying.bills import JobBill


class Harm(NamedTuple):
    """A rejected job: its bill, by how many offences it was spoiled, and which of these is meant."""

    bill: JobBill
    offences: int
    turn: int


class Victim(NamedTuple):
    """Who lost, and how much, in base units of the stable token."""

    address: str
    loss: int


def victims_of(harms: Iterable[Harm]) -> list[Victim]:
    """The requesters of these jobs by rising address, with what each lost by one offence: those who lost most, if there
    are more than a purse has room for."""
    losses: Counter[str] = Counter()
    for bill, offences, turn in harms:
        paid = sum(payout.amount + payout.fee for payout in bill.payouts) + sum(audit.amount for audit in bill.audits)
        losses[address_of(bill.requester)] += portion(paid, offences, turn)
    most = sorted(losses.items(), key=lambda each: (-each[1], each[0]))[:MOST]
    return sorted(Victim(address, loss) for address, loss in most if loss)
