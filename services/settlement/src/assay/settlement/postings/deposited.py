"""Stable tokens came into a party's withdrawable balance."""

from assay.chain.events import Deposited
from assay.settlement.ledger import OUTSIDE, Asset, Book, Entry, move, party


def entries(event: Deposited, book: Book) -> tuple[Entry, ...]:
    """From the world to the party."""
    return move(Asset.STABLE, event.amount, OUTSIDE, party(event.party))
