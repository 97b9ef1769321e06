"""A proven accusation was paid for, out of the fund and never out of what was slashed."""

from assay.chain.governed.stake_events import BountyPaid
from assay.settlement.ledger import BOUNTIES, OUTSIDE, Asset, Book, Entry, move


def entries(event: BountyPaid, book: Book) -> tuple[Entry, ...]:
    """From the fund to the world."""
    return move(Asset.NATIVE, event.amount, BOUNTIES, OUTSIDE)
