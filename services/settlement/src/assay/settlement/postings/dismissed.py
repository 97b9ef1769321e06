"""An accusation ended without a slash: the bond of its appeal, if there was one, comes back."""

from assay.chain.governed.stake_events import Dismissed
from assay.settlement.ledger import OUTSIDE, Asset, Book, Entry, bond, move


def entries(event: Dismissed, book: Book) -> tuple[Entry, ...]:
    """From the bond to the world."""
    return move(Asset.NATIVE, book.balance(bond(event.id), Asset.NATIVE), bond(event.id), OUTSIDE)
