"""The accused put up the bond of an appeal."""

from assay.chain.governed.stake_events import Appealed
from assay.settlement.ledger import OUTSIDE, Asset, Book, Entry, bond, move


def entries(event: Appealed, book: Book) -> tuple[Entry, ...]:
    """From the world to the bond."""
    return move(Asset.NATIVE, event.bond, OUTSIDE, bond(event.id))
