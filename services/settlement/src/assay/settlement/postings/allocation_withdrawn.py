"""A delegator took out what had left."""

from assay.chain.governed.stake_events import AllocationWithdrawn
from assay.settlement.ledger import OUTSIDE, Asset, Book, Entry, leaving, move


def entries(event: AllocationWithdrawn, book: Book) -> tuple[Entry, ...]:
    """From what leaves to the world."""
    return move(Asset.NATIVE, event.amount, leaving(event.provider), OUTSIDE)
