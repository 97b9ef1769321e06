"""What is said of accounts whose money the chain has moved, or a fork has moved back: what the chain shows of each."""

from collections.abc import Sequence

from assay.runtime.context import Unit
from assay.schema.payment import AccountChanged
from assay.settlement import books
from assay.settlement.ledger import Asset, deposit, earned, stake, unbonding


async def say_changes(unit: Unit, transfers: Sequence[int], cause: str, block: int) -> None:
    """Say of each account that these transfers moved what the chain shows of it, up to this block."""
    kinds = (deposit, earned, stake, unbonding)
    addresses = await books.addresses(unit.tx, transfers, [of("") for of in kinds])
    names = [of(address) for of in kinds for address in addresses]
    book = await books.load(unit.tx, names, books.ON_CHAIN)
    for address in addresses:
        changed = AccountChanged(
            account=address,
            deposited=book.balance(deposit(address), Asset.STABLE),
            # The ledger moves what was paid out of what was earned, which no log of the chain says.
            paid=-book.balance(earned(address), Asset.STABLE),
            stake=book.balance(stake(address), Asset.NATIVE),
            unbonding=book.balance(unbonding(address), Asset.NATIVE),
            transfer=max(transfers),
            block=block,
        )
        unit.emission.add(changed, cause)
