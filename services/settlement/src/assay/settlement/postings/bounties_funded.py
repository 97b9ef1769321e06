"""The fund of bounties rose."""

from assay.chain.governed.stake_events import BountiesFunded
from assay.settlement.ledger import BOUNTIES, OUTSIDE, Asset, Book, Entry, move


def entries(event: BountiesFunded, book: Book) -> tuple[Entry, ...]:
    """From the world to the fund."""
    return move(Asset.NATIVE, event.amount, OUTSIDE, BOUNTIES)
