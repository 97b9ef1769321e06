"""A delegator takes backing back, which answers until it has left."""

from assay.chain.governed.stake_events import Deallocated
from assay.settlement.ledger import Asset, Book, Entry, backing, leaving, move


def entries(event: Deallocated, book: Book) -> tuple[Entry, ...]:
    """From the backing to what leaves."""
    return move(Asset.NATIVE, event.amount, backing(event.provider), leaving(event.provider))
