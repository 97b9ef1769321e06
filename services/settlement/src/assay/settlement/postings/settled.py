"""A job's money came to its end; what was paid has its own logs, the rest goes back."""

from assay.chain.events import Settled
from assay.settlement.ledger import Asset, Book, Entry, escrow, job_name, move


def entries(event: Settled, book: Book) -> tuple[Entry, ...]:
    """From the job's escrow to its owner, whom the log does not name."""
    job = job_name(event.job_id)
    return move(Asset.STABLE, event.refunded, escrow(job), book.owners[job]) if event.refunded else ()
