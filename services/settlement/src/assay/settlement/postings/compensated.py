"""The insurance pool made good a damage."""

from assay.chain.events import Compensated
from assay.settlement.ledger import OUTSIDE, POOL, Asset, Book, Entry, move


def entries(event: Compensated, book: Book) -> tuple[Entry, ...]:
    """From the pool to the world."""
    return move(Asset.NATIVE, event.amount, POOL, OUTSIDE)
