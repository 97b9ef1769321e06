"""A delegator put native tokens behind a provider."""

from assay.chain.governed.stake_events import Allocated
from assay.settlement.ledger import OUTSIDE, Asset, Book, Entry, backing, move


def entries(event: Allocated, book: Book) -> tuple[Entry, ...]:
    """From the world to the backing."""
    return move(Asset.NATIVE, event.amount, OUTSIDE, backing(event.provider))
