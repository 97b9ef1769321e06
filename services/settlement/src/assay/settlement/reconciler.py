"""Compares ledger and chain, account by account; the difference must be zero.

The chain can only be asked for its present, and the ledger lags behind it by the confirmations. So the logs in between
are added to the ledger's balances first, and a round counts only if no block came while the accounts were asked for.
What was only decided here (holds and charges) is left out: the rest of each balance is what the chain must say.
"""

import asyncio
import logging
from collections.abc import Sequence
from decimal import Decimal
from typing import Protocol

from assay.chain.port import Chain
from assay.schema.values import job_word
from assay.settlement import books
from assay.settlement.desk import Desk
from assay.settlement.ledger import FEES, FUND, OUTSIDE, POOL, Account, Asset, Book, job_name, stake, unbonding
from assay.settlement.postings import post

ACCOUNTS_A_ROUND = 64
# What a contract holds of a token must cover what the ledger says it owes.
WHOLE = "whole"

OLDEST = """
select account, asset from accounts left join checks using (account, asset) where account <> 'outside'
order by checked_ms nulls first limit $1
"""
NOTE = """
insert into checks (account, asset, drift, checked_ms)
select *, $4::bigint from unnest($1::text[], $2::text[], $3::numeric[])
on conflict (account, asset) do update set drift = excluded.drift, checked_ms = excluded.checked_ms
"""
DRIFTS = "select account, asset, drift from checks where drift <> 0"

log = logging.getLogger(__name__)


class Gauge(Protocol):
    """Where the drift is shown."""

    def set(self, value: float) -> None:
        """Show this value."""


class Reconciler:
    """Holds the ledger to the chain."""

    def __init__(self, desk: Desk, gauge: Gauge) -> None:
        self._desk, self._chain, self._store, self._gauge = desk, desk.chain, desk.context.store, gauge

    async def step(self) -> bool:
        """Whether a round of accounts could be compared. Raises ChainUnreachable, Retry, Unreachable."""
        head = await self._chain.block()
        async with self._store.transaction() as tx:
            seen = await books.cursor(tx)
            accounts = [(row[0], Asset(row[1])) for row in await tx.fetch(OLDEST, ACCOUNTS_A_ROUND)]
        if seen is None or head.number < seen.block:
            return False
        book = await self._book(seen, head.number, accounts)
        drifts, wholes = await asyncio.gather(
            asyncio.gather(*(self._drift(account, book) for account in accounts)),
            asyncio.gather(*(self._shortfall(asset, book) for asset in Asset)),
        )
        async with self._store.transaction() as tx:
            if await books.cursor(tx) != seen or (await self._chain.block()).hash != head.hash:
                return False
        whole = [(WHOLE, asset) for asset in Asset]
        await self._note([*accounts, *whole], [*drifts, *wholes])
        return True

    async def _book(self, seen: books.Cursor, head: int, accounts: Sequence[Account]) -> Book:
        """What the ledger would hold if it were as far as the chain."""
        events = [logged.event for logged in await self._chain.events(seen.block + 1, head)]
        jobs = {job_name(event.job_id) for event in events if hasattr(event, "job_id")}
        providers = {event.provider for event in events if hasattr(event, "provider")}
        involved = {of(provider) for provider in providers for of in (stake, unbonding)}
        async with self._store.transaction() as tx:
            names = {account for account, _ in accounts} | involved | {OUTSIDE, POOL}
            book = await books.load(tx, names, jobs, books.ON_CHAIN)
        for event in events:
            post(event, book)
        return book

    async def _drift(self, account: Account, book: Book) -> int:
        held = await on_chain(self._chain, account[0])
        drift = book.balance(*account) - held
        # Tokens sent to the pool as a gift have no log of the contracts.
        return max(0, drift) if account[0] == POOL else drift

    async def _shortfall(self, asset: Asset, book: Book) -> int:
        at = self._chain.deployment
        token, contracts = (at.stable, (at.escrow, at.payment)) if asset is Asset.STABLE else (at.native, (at.stake,))
        # What came in from outside is with the parties, in the fund, in deposits, at stake, or in the pool.
        owed = -book.balance(OUTSIDE, asset) - book.balance(POOL, asset)
        return max(0, owed - sum([await self._chain.token_balance(token, each) for each in contracts]))

    async def _note(self, accounts: Sequence[Account], drifts: Sequence[int]) -> None:
        names, assets = [name for name, _ in accounts], [asset.value for _, asset in accounts]
        amounts = [Decimal(drift) for drift in drifts]
        async with self._store.transaction() as tx:
            await tx.execute(NOTE, names, assets, amounts, self._desk.context.now())
            wrong = await tx.fetch(DRIFTS)
        self._gauge.set(float(sum(abs(row[2]) for row in wrong)))
        for account, asset, drift in wrong:
            log.error("ledger and chain differ: %s holds %d %s units more in the ledger", account, drift, asset)


async def on_chain(chain: Chain, account: str) -> int:
    """What the chain says an account of the ledger holds."""
    kind, _, name = account.partition(":")
    if kind == "party":
        return await chain.balance(name)
    if kind == "escrow":
        return await chain.locked(job_word(name) if len(name) == 27 else bytes.fromhex(name))
    if kind == "stake":
        return await chain.stake_of(name)
    if kind == "unbonding":
        return await chain.unbonding_of(name)
    if kind == "deposit":
        return (await chain.account_of(name)).left
    if kind == "earned":
        return -(await chain.account_of(name)).paid
    if kind == FEES:
        return -(await chain.outflow()).fees
    if kind == "hold":
        return 0
    return await chain.audit_fund() if kind == FUND else await chain.pool_balance()
