"""A verifier was paid for an audit."""

from assay.chain.events import AuditPaid
from assay.settlement.ledger import FUND, Asset, Book, Entry, move, party


def entries(event: AuditPaid, book: Book) -> tuple[Entry, ...]:
    """From the fund to the verifier."""
    return move(Asset.STABLE, event.amount, FUND, party(event.verifier))
