"""Stable tokens came into a requester's deposit in Payment."""

from assay.chain.payment.events import Deposited
from assay.settlement.ledger import OUTSIDE, Asset, Book, Entry, deposit, move


def entries(event: Deposited, book: Book) -> tuple[Entry, ...]:
    """From the world to the deposit."""
    return move(Asset.STABLE, event.amount, OUTSIDE, deposit(event.requester))
