"""A lease was paid."""

from assay.chain.events import Paid
from assay.settlement.ledger import Asset, Book, Entry, escrow, job_name, move, party


def entries(event: Paid, book: Book) -> tuple[Entry, ...]:
    """From the job's escrow to the provider."""
    return move(Asset.STABLE, event.amount, escrow(job_name(event.job_id)), party(event.provider))
