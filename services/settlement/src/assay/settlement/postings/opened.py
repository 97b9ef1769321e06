"""An order's price limit was locked."""

from assay.chain.events import Opened
from assay.settlement.ledger import Asset, Book, Entry, escrow, job_name, move, party


def entries(event: Opened, book: Book) -> tuple[Entry, ...]:
    """From the requester to the job's escrow, whose owner is remembered."""
    job = job_name(event.job_id)
    book.owners[job] = party(event.requester)
    return move(Asset.STABLE, event.amount, party(event.requester), escrow(job))
