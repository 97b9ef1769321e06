"""A requester took out of Payment what it had announced."""

from assay.chain.payment.events import Withdrawn
from assay.settlement.ledger import OUTSIDE, Asset, Book, Entry, deposit, move


def entries(event: Withdrawn, book: Book) -> tuple[Entry, ...]:
    """From the deposit to the world."""
    return move(Asset.STABLE, event.amount, deposit(event.requester), OUTSIDE)
