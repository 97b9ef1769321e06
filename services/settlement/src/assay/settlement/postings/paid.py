"""An account was paid by an epoch of Payment what had been charged for it."""

from assay.chain.payment.events import Paid
from assay.settlement.ledger import OUTSIDE, Asset, Book, Entry, earned, move


def entries(event: Paid, book: Book) -> tuple[Entry, ...]:
    """From what it earned to the world."""
    return move(Asset.STABLE, event.amount, earned(event.provider), OUTSIDE)
