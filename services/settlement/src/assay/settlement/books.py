"""The ledger's SQL: what is posted, what accounts hold, how far the chain was followed, and what a fork undoes."""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import NamedTuple

from assay.chain.values import Block
from assay.settlement.ledger import Asset, Book, Transfer
from assay.store import Transaction

# Forks reach back less far than this; a longer one is followed again from the deployment on.
BLOCKS_KEPT = 10_000

TRANSFERS = """
insert into transfers (log, era, kind, block)
select given.log, era, given.kind, given.block from chain_cursor, unnest($1::text[], $2::text[], $3::bigint[])
with ordinality as given (log, kind, block, turn) order by given.turn returning number
"""
ENTRIES = """
insert into entries (number, line, account, asset, amount)
select * from unnest($1::bigint[], $2::smallint[], $3::text[], $4::text[], $5::numeric[])
"""
BALANCES = "select account, asset, balance from accounts where account = any($1::text[])"
# What the chain must say that an account holds: all but what was only decided here.
ON_CHAIN = "select account, asset, balance - decided from accounts where account = any($1::text[])"
ADVANCE = "update chain_cursor set block = $2 where block = $1 returning era"
KEEP_BLOCK = "insert into blocks (number, hash) values ($1, $2) on conflict (number) do update set hash = excluded.hash"
UNDO = """
with undone as (
    insert into transfers (log, era, kind, block, reverses)
    select log, era, kind, block, number from transfers t
    where block > $1 and reverses is null and not exists (select from transfers r where r.reverses = t.number)
    order by number desc returning number, reverses
)
insert into entries (number, line, account, asset, amount)
select undone.number, line, account, asset, -amount from undone join entries on entries.number = undone.reverses
order by undone.number, line returning number
"""
ADDRESSES = """
select distinct split_part(account, ':', 2) from entries
where number = any($1::bigint[]) and account like any($2::text[]) order by 1
"""


class Cursor(NamedTuple):
    """The last block whose logs are in the ledger; the era counts the forks that undid some."""

    block: int
    hash: str
    era: int


async def cursor(tx: Transaction) -> Cursor | None:
    """How far the chain was followed; None before the first time."""
    row = await tx.fetchrow("select block, hash, era from chain_cursor join blocks on number = block")
    return Cursor(*row) if row else None


async def begin(tx: Transaction, block: Block) -> None:
    """Follow the chain from after this block on."""
    await tx.execute("insert into chain_cursor (block) values ($1) on conflict do nothing", block.number)
    await tx.execute(KEEP_BLOCK, block.number, "0x" + block.hash.hex())


async def advance(tx: Transaction, seen: Cursor, last: Block) -> bool:
    """Whether the cursor still stood where it was seen and now stands at `last`; locks it until the commit."""
    if await tx.fetchval(ADVANCE, seen.block, last.number) != seen.era:
        return False
    await tx.execute(KEEP_BLOCK, last.number, "0x" + last.hash.hex())
    await tx.execute("delete from blocks where number < $1", last.number - BLOCKS_KEPT)
    return True


async def stands(tx: Transaction, seen: Cursor) -> bool:
    """Whether the cursor still stands where it was seen; locks it until the commit."""
    sql = "select true from chain_cursor where block = $1 and era = $2 for update"
    return await tx.fetchval(sql, seen.block, seen.era) is not None


async def remembered(tx: Transaction) -> list[tuple[int, str]]:
    """The remembered blocks up to which the chain was followed, newest first."""
    return [tuple(row) for row in await tx.fetch("select number, hash from blocks order by number desc")]


async def undo(tx: Transaction, seen: Cursor, fork: int) -> list[int] | None:
    """The transfers by which all that was posted after block `fork` was taken back; a new era begins there.

    None if somebody else moved the cursor meanwhile.
    """
    moved = "update chain_cursor set block = $3, era = era + 1 where block = $1 and era = $2 returning era"
    if await tx.fetchval(moved, seen.block, seen.era, fork) is None:
        return None
    numbers = sorted({row[0] for row in await tx.fetch(UNDO, fork)})
    await tx.execute("delete from blocks where number > $1", fork)
    return numbers


async def load(tx: Transaction, accounts: Iterable[str], sql: str = BALANCES) -> Book:
    """The book with the balances of these accounts."""
    book = Book()
    for account, asset, balance in await tx.fetch(sql, sorted(set(accounts))):
        book.balances[account, Asset(asset)] = int(balance)
    return book


async def post(tx: Transaction, transfers: Sequence[Transfer]) -> list[int]:
    """The numbers under which the transfers are posted, in their order.

    Each log posts once in an era; the database refuses a second time.
    """
    if not transfers:
        return []
    logs, kinds, blocks = zip(*((t.log, t.kind, t.block) for t in transfers), strict=True)
    numbers = sorted(row[0] for row in await tx.fetch(TRANSFERS, logs, kinds, blocks))
    rows = [
        (number, line, entry.account, entry.asset.value, Decimal(entry.amount))
        for number, transfer in zip(numbers, transfers, strict=True)
        for line, entry in enumerate(transfer.entries)
    ]
    await tx.execute(ENTRIES, *map(list, zip(*rows, strict=True)))
    return numbers


async def addresses(tx: Transaction, numbers: Sequence[int], kinds: Sequence[str]) -> list[str]:
    """The addresses whose accounts of these kinds, by how their names begin, the transfers have moved."""
    return [row[0] for row in await tx.fetch(ADDRESSES, list(numbers), [f"{kind}%" for kind in kinds])]


async def balances(tx: Transaction, accounts: Sequence[str]) -> dict[str, int]:
    """What each of these accounts holds; each has one asset."""
    return {account: int(balance) for account, _, balance in await tx.fetch(BALANCES, list(accounts))}
