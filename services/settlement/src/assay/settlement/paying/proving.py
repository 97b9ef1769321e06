"""Which charges could be proven on chain by now: of an epoch before it is posted, and of those that were struck."""

import asyncio
import logging
from collections.abc import Sequence

from assay.proof.settlement import Settlement
from assay.proof.settlement_epoch import Book, Epoch, build
from assay.settlement.desk import Desk
from assay.settlement.ledger import job_name
from assay.settlement.paying import checking, epochs, striking
from assay.settlement.paying.checking import STRUCK, Wrong
from assay.settlement.paying.epochs import Payment

# What is wrong with an epoch or a charge may right itself: a deposit comes, or a person has raised a limit.
STALL_S = 30
# An epoch that is wanted now is posted within this.
SLACK_S = 120
# So many struck charges are looked at again at once.
MOST = 100

log = logging.getLogger(__name__)


class Prover:
    """Takes out of epochs what cannot be proven, and charges it again once it can."""

    def __init__(self, desk: Desk) -> None:
        self._desk, self._chain, self._store = desk, desk.chain, desk.context.store
        self._look_again_s = 0

    async def faults(self, before: Book, epoch: Epoch, now_s: int) -> dict[str, Wrong]:
        """What could not be proven of which job, were the epoch posted now. Raises ChainUnreachable."""
        async with self._store.reading() as tx:
            orders = await checking.orders_of(tx, [job_name(step.charge.job) for step in epoch.steps])
        requesters = {step.charge.requester for step in epoch.steps}
        accounts = await asyncio.gather(*map(self._chain.account_of, requesters))
        found = zip(requesters, accounts, strict=True)
        funds = {requester: account.funds_at(now_s + SLACK_S) for requester, account in found}
        return await asyncio.to_thread(checking.faults, before, epoch, orders, funds, now_s)

    async def strike(self, payment: Payment, faults: dict[str, Wrong], now_s: int) -> bool:
        """Whether all that is wrong with a closed epoch was taken out of it, which is closed anew then."""
        if not set(faults.values()) <= set(STRUCK):
            return False
        async with self._store.transaction() as tx:
            if not await striking.strike(tx, payment, faults, self._desk.context.now()):
                return False
            self._desk.gauges.struck.set(await striking.count(tx))
        self._look_again_s = now_s + STALL_S
        for job, wrong in faults.items():
            log.error("%s cannot be charged by now: %s; it waits, others go on", job, wrong)
        return True

    async def put_back(self, now_s: int) -> bool:
        """Whether charges that were struck can be proven by now, and are charged again. Raises ChainUnreachable."""
        if now_s < self._look_again_s:
            return False
        self._look_again_s = now_s + STALL_S
        async with self._store.reading() as tx:
            waiting, count = await striking.waiting(tx, MOST), await striking.count(tx)
            book = await epochs.book_of_all(tx, self._desk.domain) if waiting else Book.of(self._desk.domain, {}, {})
        jobs = await self._provable(book, waiting, now_s)
        if jobs:
            async with self._store.transaction() as tx:
                await striking.put_back(tx, jobs)
        self._desk.gauges.struck.set(count - len(jobs))
        return bool(jobs)

    async def _provable(self, book: Book, waiting: Sequence[Settlement], now_s: int) -> list[str]:
        """Those that could be proven if they were charged next, one after the other."""
        jobs = []
        for each in waiting:
            if not epochs.parties_of(each) <= book.places.keys():
                continue
            epoch, after = build(book, 1, [each])
            if not await self.faults(book, epoch, now_s):
                jobs.append(job_name(each.job))
                book = after
        return jobs
