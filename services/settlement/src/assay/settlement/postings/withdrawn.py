"""Stable tokens left a party's withdrawable balance."""

from assay.chain.events import Withdrawn
from assay.settlement.ledger import OUTSIDE, Asset, Book, Entry, move, party


def entries(event: Withdrawn, book: Book) -> tuple[Entry, ...]:
    """From the party to the world."""
    return move(Asset.STABLE, event.amount, party(event.party), OUTSIDE)
