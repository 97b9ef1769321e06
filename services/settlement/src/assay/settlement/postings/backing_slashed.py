"""Delegated stake was taken: of what is there and of what leaves."""

from assay.chain.governed.stake_events import BackingSlashed
from assay.settlement.ledger import TAKEN, Asset, Book, Entry, backing, leaving, move


def entries(event: BackingSlashed, book: Book) -> tuple[Entry, ...]:
    """From both to what a slash passes on."""
    return (
        *move(Asset.NATIVE, event.from_active, backing(event.provider), TAKEN),
        *move(Asset.NATIVE, event.from_leaving, leaving(event.provider), TAKEN),
    )
