"""The SQL of credits whose blocks the chain may still take back, and what the node says of these blocks."""

import asyncio
from collections.abc import Sequence
from decimal import Decimal
from typing import Final

from assay.chain.port import Chain
from assay.chain.values import Block
from assay.settlement.ledger import Transfer, deposit
from assay.store import Transaction

# Where a node knows no such block: twice and four times what Ethereum takes to call one safe.
SAFE_BLOCKS: Final = 64
FINAL_BLOCKS: Final = 128

NOTE = "insert into credits (account, amount, block) select * from unnest($1::text[], $2::numeric[], $3::bigint[])"
CONFIRM = """
with final as (delete from credits where block <= $2 returning 1),
safe as (update credits set is_safe = true where block <= $1 and block > $2 and not is_safe returning 1)
select exists (select from final) or exists (select from safe)
"""


async def note(tx: Transaction, transfers: Sequence[Transfer]) -> None:
    """Remember what these logs credited to deposits."""
    rows = [
        (entry.account, Decimal(entry.amount), transfer.block)
        for transfer in transfers
        for entry in transfer.entries
        if entry.amount > 0 and entry.account.startswith(deposit(""))
    ]
    if rows:
        await tx.execute(NOTE, *map(list, zip(*rows, strict=True)))


async def are_open(tx: Transaction) -> bool:
    """Whether there are credits that are not final."""
    return bool(await tx.fetchval("select exists (select from credits)"))


async def confirm(tx: Transaction, safe: int, final: int) -> bool:
    """Whether any credit became safe or final, as blocks are up to these numbers."""
    return bool(await tx.fetchval(CONFIRM, safe, final))


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
