"""Active stake began to unbond."""

from assay.chain.governed.stake_events import Unstaked
from assay.settlement.ledger import Asset, Book, Entry, move, stake, unbonding


def entries(event: Unstaked, book: Book) -> tuple[Entry, ...]:
    """From the stake to what is on its way out."""
    return move(Asset.NATIVE, event.amount, stake(event.provider), unbonding(event.provider))
