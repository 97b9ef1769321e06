"""Own stake was taken: active stake first, then what unbonds, as the vault takes it."""

from assay.chain.governed.stake_events import StakeSlashed
from assay.settlement.ledger import TAKEN, Asset, Book, Entry, move, stake, unbonding


def entries(event: StakeSlashed, book: Book) -> tuple[Entry, ...]:
    """From stake, and from what is on its way out, to what a slash passes on."""
    active = min(event.amount, book.balance(stake(event.provider), Asset.NATIVE))
    return (
        *move(Asset.NATIVE, active, stake(event.provider), TAKEN),
        *move(Asset.NATIVE, event.amount - active, unbonding(event.provider), TAKEN),
    )
