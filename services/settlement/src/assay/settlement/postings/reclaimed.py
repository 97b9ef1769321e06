"""A job that nobody settled gave its locked sum back."""

from assay.chain.events import Reclaimed
from assay.settlement.ledger import Asset, Book, Entry, escrow, job_name, move, party


def entries(event: Reclaimed, book: Book) -> tuple[Entry, ...]:
    """From the job's escrow to the requester."""
    return move(Asset.STABLE, event.amount, escrow(job_name(event.job_id)), party(event.requester))
