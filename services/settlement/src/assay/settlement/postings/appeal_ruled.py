"""An arbiter rejected an appeal, or upheld it: then its bond comes back when the accusation is dismissed."""

from assay.chain.governed.stake_events import AppealRuled
from assay.settlement.ledger import POOL, Asset, Book, Entry, bond, move


def entries(event: AppealRuled, book: Book) -> tuple[Entry, ...]:
    """The bond of a rejected appeal is the pool's."""
    amount = 0 if event.is_upheld else book.balance(bond(event.id), Asset.NATIVE)
    return move(Asset.NATIVE, amount, bond(event.id), POOL)
