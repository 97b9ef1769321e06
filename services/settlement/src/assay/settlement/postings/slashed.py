"""Stake went to the insurance pool: active stake first, then what unbonds, as the contract takes it."""

from assay.chain.events import Slashed
from assay.settlement.ledger import POOL, Asset, Book, Entry, move, stake, unbonding


def entries(event: Slashed, book: Book) -> tuple[Entry, ...]:
    """From stake, and from what is on its way out, to the pool."""
    active = min(event.amount, book.balance(stake(event.provider), Asset.NATIVE))
    return (
        *move(Asset.NATIVE, active, stake(event.provider), POOL),
        *move(Asset.NATIVE, event.amount - active, unbonding(event.provider), POOL),
    )
