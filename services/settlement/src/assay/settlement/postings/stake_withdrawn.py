"""Unbonded stake left the contract."""

from assay.chain.governed.stake_events import StakeWithdrawn
from assay.settlement.ledger import OUTSIDE, Asset, Book, Entry, move, unbonding


def entries(event: StakeWithdrawn, book: Book) -> tuple[Entry, ...]:
    """From what was on its way out to the world."""
    return move(Asset.NATIVE, event.amount, unbonding(event.provider), OUTSIDE)
