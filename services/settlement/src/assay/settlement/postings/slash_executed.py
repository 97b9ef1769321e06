"""What a slash took is burned or goes to the insurance pool: nothing to who accused."""

from assay.chain.governed.stake_events import SlashExecuted
from assay.settlement.ledger import BURNED, POOL, TAKEN, Asset, Book, Entry, move


def entries(event: SlashExecuted, book: Book) -> tuple[Entry, ...]:
    """All that was taken passes on."""
    return (
        *move(Asset.NATIVE, event.burned, TAKEN, BURNED),
        *move(Asset.NATIVE, event.taken - event.burned, TAKEN, POOL),
    )
