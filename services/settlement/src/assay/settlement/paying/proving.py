"""Which charges could be proven on chain by now: of an epoch before it is posted, and of those that were struck."""

import asyncio
import logging
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from assay.proof.settlement import Settlement
from assay.proof.settlement_epoch import Book, Epoch, build
from assay.settlement.desk import Desk
from assay.settlement.ledger import job_name
from assay.settlement.paying import checking, striking, tree
from assay.settlement.paying.checking import STRUCK, Order, Wrong
from assay.settlement.paying.epochs import Payment
from assay.store import Transaction

# What is wrong with an epoch or a charge may right itself: a deposit comes, or a person has raised a limit.
STALL_S = 30
# An epoch that is wanted now is posted within this.
SLACK_S = 120
# So many struck charges are looked at again at once.
MOST = 100

log = logging.getLogger(__name__)


class Known(NamedTuple):
    """What charges are proven by: the orders of their jobs, and the deposits of their requesters."""

    orders: Mapping[str, Order]
    funds: Mapping[str, int]


class Prover:
    """Takes out of epochs what cannot be proven, and charges it again once it can."""

    def __init__(self, desk: Desk) -> None:
        self._desk, self._chain, self._store = desk, desk.chain, desk.context.store
        self._look_again_s, self._turn = 0, striking.FIRST

    async def faults(self, before: Book, epoch: Epoch, now_s: int) -> dict[str, Wrong]:
        """What could not be proven of which job, were the epoch posted now. Raises ChainUnreachable."""
        known = await self._known([(step.charge.job, step.charge.requester) for step in epoch.steps], now_s)
        return await asyncio.to_thread(checking.faults, before, epoch, *known, now_s)

    async def _known(self, charged: Iterable[tuple[bytes, str]], now_s: int) -> Known:
        """What charges of these jobs to these requesters are proven by: asked for once, however many they are."""
        jobs, requesters = {job_name(job) for job, _ in charged}, {requester for _, requester in charged}
        async with self._store.reading() as tx:
            orders = await checking.orders_of(tx, [*jobs])
        accounts = await asyncio.gather(*map(self._chain.account_of, requesters))
        found = zip(requesters, accounts, strict=True)
        return Known(orders, {requester: account.funds_at(now_s + SLACK_S) for requester, account in found})

    async def strike(self, payment: Payment, faults: dict[str, Wrong], now_s: int) -> bool:
        """Whether all that is wrong with a closed epoch was taken out of it, which is closed anew then."""
        if not set(faults.values()) <= set(STRUCK):
            return False
        async with self._store.transaction() as tx:
            orders = await checking.orders_of(tx, [*faults])
            until_s = {job: checking.counts_until_s(orders.get(job)) for job in faults}
            if not await striking.strike(tx, payment, faults, until_s, self._desk.context.now()):
                return False
            await self._show(tx, now_s)
        self._look_again_s = now_s + STALL_S
        for job, wrong in faults.items():
            what = "it waits" if until_s[job] >= now_s else "it never can be"
            log.error("%s cannot be charged by now: %s; %s, others go on", job, wrong, what)
        return True

    async def put_back(self, now_s: int) -> bool:
        """Whether charges that were struck can be proven by now, and are charged again. Raises ChainUnreachable."""
        if now_s < self._look_again_s:
            return False
        self._look_again_s = now_s + STALL_S
        async with self._store.reading() as tx:
            waiting, turn = await striking.waiting(tx, now_s, self._turn, MOST)
            book = await tree.book_of_all(tx, self._desk.domain) if waiting else Book.of(self._desk.domain, {}, {})
        known = await self._known([(each.job, each.requester) for each in waiting], now_s)
        jobs = await asyncio.to_thread(provable, book, waiting, known, now_s)
        self._turn = turn
        async with self._store.transaction() as tx:
            await striking.put_back(tx, jobs)
            await self._show(tx, now_s)
        return bool(jobs)

    async def _show(self, tx: Transaction, now_s: int) -> None:
        waiting, lost = await striking.count(tx, now_s)
        self._desk.gauges.struck.set(waiting)
        self._desk.gauges.lost.set(lost)


def provable(book: Book, waiting: Sequence[Settlement], known: Known, now_s: int) -> list[str]:
    """The jobs that could be proven if they were charged next, one after the other; pure, and slow."""
    jobs = []
    for each in waiting:
        if not tree.parties_of(each) <= book.places.keys():
            continue
        epoch, after = build(book, 1, [each])
        if not checking.faults(book, epoch, *known, now_s):
            jobs.append(job_name(each.job))
            book = after
    return jobs
