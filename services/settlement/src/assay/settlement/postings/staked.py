"""Native tokens came into a provider's active stake."""

from assay.chain.governed.stake_events import Staked
from assay.settlement.ledger import OUTSIDE, Asset, Book, Entry, move, stake


def entries(event: Staked, book: Book) -> tuple[Entry, ...]:
    """From the world to the stake."""
    return move(Asset.NATIVE, event.amount, OUTSIDE, stake(event.provider))
