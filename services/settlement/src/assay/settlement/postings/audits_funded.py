"""Somebody gave to the audit fund."""

from assay.chain.events import AuditsFunded
from assay.settlement.ledger import FUND, OUTSIDE, Asset, Book, Entry, move


def entries(event: AuditsFunded, book: Book) -> tuple[Entry, ...]:
    """From the world to the fund."""
    return move(Asset.STABLE, event.amount, OUTSIDE, FUND)
