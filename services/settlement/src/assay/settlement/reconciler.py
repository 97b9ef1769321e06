"""Compares ledger and chain, account by account; the difference must be zero.

The ledger lags behind the chain by the confirmations. So the logs in between are added to the ledger's balances first,
and the contracts are asked as they stood after the last of these blocks, however many come meanwhile.
What was only decided here (holds and charges) is left out: the rest of each balance is what the chain must say. Of what
is held for jobs that rest is nothing, by a rule of the database, and these accounts are not looked at.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from decimal import Decimal

from assay.chain.port import Chain
from assay.settlement import books
from assay.settlement.desk import Desk
from assay.settlement.ledger import BOUNTIES, BURNED, FEES, OUTSIDE, POOL, TAKEN, Account, Asset, Book
from assay.settlement.postings import needed, post

ACCOUNTS_A_ROUND = 64
# What a contract holds of a token must cover what the ledger says it owes.
WHOLE = "whole"
# Of what leaves a pool that a slash has spent, and of what is burned, no contract tells by the account.
UNTOLD = ("leaving", BURNED)

OLDEST = """
select account, asset from accounts left join checks using (account, asset)
where account not like 'hold:%' and account <> 'outside' order by checked_ms nulls first limit $1
"""
NOTE = """
insert into checks (account, asset, drift, checked_ms)
select *, $4::bigint from unnest($1::text[], $2::text[], $3::numeric[])
on conflict (account, asset) do update set drift = excluded.drift, checked_ms = excluded.checked_ms
"""
DRIFTS = "select account, asset, drift from checks where drift <> 0"

log = logging.getLogger(__name__)


class Reconciler:
    """Holds the ledger to the chain."""

    def __init__(self, desk: Desk) -> None:
        self._desk, self._chain, self._store, self._gauge = desk, desk.chain, desk.context.store, desk.gauges.drift

    async def step(self) -> bool:
        """Whether a round of accounts could be compared. Raises ChainError, Retry, Unreachable."""
        async with self._store.reading() as tx:
            accounts = [(row[0], Asset(row[1])) for row in await tx.fetch(OLDEST, ACCOUNTS_A_ROUND)]
        drifts = await self._compare(accounts)
        if drifts and any(drifts):
            again = await self._compare(accounts)
            drifts = again and twice(drifts, again)
        if drifts is None:
            return False
        await self._note([*accounts, *((WHOLE, asset) for asset in Asset)], drifts)
        return True

    async def _compare(self, accounts: Sequence[Account]) -> list[int] | None:
        """What the ledger holds more in each account, and in the whole of each asset; None if it could not be told."""
        head = await self._chain.block()
        async with self._store.reading() as tx:
            seen = await books.cursor(tx)
        if seen is None or head.number < seen.block:
            return None
        book = await self._book(seen, head.number, accounts)
        if book is None:
            return None
        then = self._chain.at(head)
        drifts, wholes = await asyncio.gather(
            asyncio.gather(*(drift_of(account, book, then) for account in accounts)),
            asyncio.gather(*(shortfall(asset, book, then) for asset in Asset)),
        )
        return [*drifts, *wholes] if (await self._chain.block(head.number)).hash == head.hash else None

    async def _book(self, seen: books.Cursor, head: int, accounts: Sequence[Account]) -> Book | None:
        """What the ledger would hold if it were as far as the chain; None if it is ahead, or on another fork."""
        logged = await self._chain.events(seen.block + 1, head)
        async with self._store.transaction() as tx:
            # Cursor and balances of one moment: the follower may commit between two statements.
            await tx.execute("set transaction isolation level repeatable read")
            now = await books.cursor(tx)
            if now is None or now.era != seen.era or now.block > head:
                return None
            events = [each.event for each in logged if each.block_number > now.block]
            involved = {account for event in events for account in needed(event)}
            names = {account for account, _ in accounts} | involved | {OUTSIDE, POOL, BURNED}
            book = await books.load(tx, names, books.ON_CHAIN)
        for event in events:
            post(event, book)
        return book

    async def _note(self, accounts: Sequence[Account], drifts: Sequence[int]) -> None:
        names, assets = [name for name, _ in accounts], [asset.value for _, asset in accounts]
        amounts = [Decimal(drift) for drift in drifts]
        async with self._store.transaction() as tx:
            await tx.execute(NOTE, names, assets, amounts, self._desk.context.now())
            wrong = await tx.fetch(DRIFTS)
        self._gauge.set(float(sum(abs(row[2]) for row in wrong)))
        for account, asset, drift in wrong:
            log.error("ledger and chain differ: %s holds %d %s units more in the ledger", account, drift, asset)


def twice(first: Sequence[int], again: Sequence[int]) -> list[int]:
    """By how much each account that differs at both looks does so at the second.

    A node that mines while it is asked may answer as it stands a block later, of one account now and of another then.
    """
    if fleeting := sum(bool(early) != bool(late) for early, late in zip(first, again, strict=True)):
        log.warning("ledger and chain differed in %d accounts at one look and not at another", fleeting)
    return [late if early else 0 for early, late in zip(first, again, strict=True)]


async def drift_of(account: Account, book: Book, chain: Chain) -> int:
    """What the ledger holds more than the chain."""
    held = await on_chain(chain, account[0])
    if held is None:
        return 0
    drift = book.balance(*account) - held
    # Tokens sent to the pool as a gift have no log of the contracts.
    return max(0, drift) if account[0] == POOL else drift


async def shortfall(asset: Asset, book: Book, chain: Chain) -> int:
    """What the contracts hold less than the ledger says that they owe."""
    at = chain.deployment
    stake = (at.group.vault, at.group.restaking, at.group.slashing)
    token, contracts = (at.stable, (at.payment,)) if asset is Asset.STABLE else (at.native, stake)
    # What came in from outside is in deposits, earned, at stake, bonded, a bounty, or not here.
    owed = -sum(book.balance(account, asset) for account in (OUTSIDE, POOL, BURNED))
    held = await asyncio.gather(*(chain.token_balance(token, contract) for contract in contracts))
    return max(0, owed - sum(held))


async def on_chain(chain: Chain, account: str) -> int | None:
    """What the chain says an account of the ledger holds; None of what only the contracts' balances tell."""
    kind, _, name = account.partition(":")
    if kind in UNTOLD:
        return None
    if kind in STAKES:
        return await STAKES[kind](chain, name)
    if kind == "deposit":
        return (await chain.account_of(name)).left
    if kind == "earned":
        return -(await chain.account_of(name)).paid
    if kind == FEES:
        return -(await chain.outflow()).fees
    return 0 if kind == TAKEN else await chain.pool_balance()


async def bond_of(chain: Chain, accusation: str) -> int:
    """What the contract holds for an appeal."""
    return (await chain.proposal_of(bytes.fromhex(accusation[2:]))).bond


STAKES: Mapping[str, Callable[[Chain, str], Awaitable[int]]] = {
    "stake": lambda chain, name: chain.stake_of(name),
    "unbonding": lambda chain, name: chain.unbonding_of(name),
    "backing": lambda chain, name: chain.backing_of(name),
    "bond": bond_of,
    BOUNTIES: lambda chain, name: chain.bounty_fund(),
}
"""The accounts of stake, by kind, and what tells of them."""
