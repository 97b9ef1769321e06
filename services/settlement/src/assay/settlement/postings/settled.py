"""A job's money came to its end; what was paid has its own logs, the fee goes to the fund, the rest goes back."""

from assay.chain.events import Settled
from assay.settlement.ledger import FUND, Asset, Book, Entry, escrow, job_name, move


def entries(event: Settled, book: Book) -> tuple[Entry, ...]:
    """From the job's escrow to the fund, and to its owner, whom the log does not name."""
    job = job_name(event.job_id)
    back = move(Asset.STABLE, event.refunded, escrow(job), book.owners[job]) if event.refunded else ()
    return (*move(Asset.STABLE, event.fee, escrow(job), FUND), *back)
