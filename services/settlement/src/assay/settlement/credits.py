"""The SQL of credits whose blocks the chain may still take back, what of them counts, and what the node says of these
blocks.

Deposits, stake and backing grow as they are confirmed, by their value (`finality`); what leaves them leaves at once.
"""

import asyncio
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Final

from assay.chain.port import Chain
from assay.chain.values import Block
from assay.settlement.finality import NOTHING, Credit, Limits, Waiting, raised, waiting
from assay.settlement.ledger import Asset, Transfer, backing, deposit, stake
from assay.store import Transaction

# Where a node knows no such block: twice and four times what Ethereum takes to call one safe.
SAFE_BLOCKS: Final = 64
FINAL_BLOCKS: Final = 128

NOTE = """
insert into credits (account, asset, amount, block)
select account, asset, amount, block from unnest($1::text[], $2::text[], $3::numeric[], $4::bigint[])
with ordinality as given (account, asset, amount, block, turn) order by turn
"""
OPEN = "select turn, account, amount, is_safe, counted from credits where asset = $1 order by turn"
COUNT = """
update credits set counted = more.counted from unnest($1::bigint[], $2::numeric[]) as more (turn, counted)
where credits.turn = more.turn
"""
SUMS = "select account, sum(amount), sum(counted) from credits where account = any($1::text[]) group by account"
FINAL = "delete from credits where block <= $1 returning account, amount > counted"
SAFE = "update credits set is_safe = true where block <= $1 and not is_safe"
SURER = "select exists (select from credits where block <= $2 or block <= $1 and not is_safe)"


async def note(tx: Transaction, transfers: Sequence[Transfer], operator: str) -> None:
    """Remember what these logs credited to deposits, stake and backing.

    The operator's (an address) own deposit counts at once: after a fork it is sent again.
    """
    kinds = tuple(of("") for of in (deposit, stake, backing))
    rows = [
        (entry.account, entry.asset.value, Decimal(entry.amount), transfer.block)
        for transfer in transfers
        for entry in transfer.entries
        if entry.amount > 0 and entry.account.startswith(kinds) and entry.account != deposit(operator)
    ]
    if rows:
        await tx.execute(NOTE, *map(list, zip(*rows, strict=True)))


async def count(tx: Transaction, limits: Mapping[Asset, Limits]) -> list[str]:
    """Count what may count by now; returns the accounts of which more does."""
    accounts = []
    for asset in Asset:
        rows = await tx.fetch(OPEN, asset.value)
        known = [Credit(row[0], row[1], int(row[2]), row[3], int(row[4])) for row in rows]
        if more := list(raised(known, limits[asset])):
            await tx.execute(COUNT, [each.turn for each in more], [Decimal(each.counted) for each in more])
            accounts += [each.account for each in more]
    return accounts


async def uncounted(tx: Transaction, accounts: Sequence[str]) -> dict[str, int]:
    """What of each of these accounts does not count yet, of those where anything does not."""
    return {row[0]: int(row[1] - row[2]) for row in await tx.fetch(SUMS, list(accounts)) if row[1] > row[2]}


async def waiting_of(tx: Transaction, account: str, limits: Limits) -> Waiting:
    """What of this account does not count yet, and what for."""
    row = await tx.fetchrow(SUMS, [account])
    return waiting(int(row[1]), int(row[2]), limits) if row else NOTHING


async def are_open(tx: Transaction) -> bool:
    """Whether there are credits that are not final."""
    return bool(await tx.fetchval("select exists (select from credits)"))


async def are_surer(tx: Transaction, safe: int, final: int) -> bool:
    """Whether some became safe or final, as blocks are up to these numbers."""
    return bool(await tx.fetchval(SURER, safe, final))


async def confirm(tx: Transaction, limits: Mapping[Asset, Limits], safe: int, final: int) -> list[str]:
    """The accounts of which more counts, as blocks are safe and final up to these numbers."""
    ended = await tx.fetch(FINAL, final)
    await tx.execute(SAFE, safe)
    return [account for account, has_grown in ended if has_grown] + await count(tx, limits)


async def undo(tx: Transaction, fork: int) -> None:
    """Forget what was credited after block `fork`: it is on the chain no more."""
    await tx.execute("delete from credits where block > $1", fork)


async def marks(chain: Chain, head: Block) -> tuple[int, int]:
    """The last safe and the last final block; by depth where the node does not say. Raises ChainUnreachable."""
    safe, final = await asyncio.gather(chain.marked("safe"), chain.marked("finalized"))
    return (
        head.number - SAFE_BLOCKS if safe is None else safe,
        head.number - FINAL_BLOCKS if final is None else final,
    )
