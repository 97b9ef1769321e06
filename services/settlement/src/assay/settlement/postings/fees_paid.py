"""Fees of Payment went to the treasury."""

from assay.chain.payment.events import FeesPaid
from assay.settlement.ledger import FEES, OUTSIDE, Asset, Book, Entry, move


def entries(event: FeesPaid, book: Book) -> tuple[Entry, ...]:
    """From the fees to the world."""
    return move(Asset.STABLE, event.amount, FEES, OUTSIDE)
