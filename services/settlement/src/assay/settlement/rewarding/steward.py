"""Posts the periods of rewards, each once all that it counts is final.

Nothing is remembered between steps but in the database, and a period is wanted once, so a process may end anywhere.
"""

import logging
from typing import Final

from assay.chain.governed.reward_head import Head
from assay.proof.eip712 import Domain
from assay.proof.reward_inputs import inputs_digest
from assay.proof.rewards import period_of, root_of
from assay.settlement import books, queries
from assay.settlement.desk import Desk
from assay.settlement.rewarding import periods
from assay.settlement.rewarding.intents import Reward

# A period that is over is looked at so often until it can be posted; and whether we post at all, where we do not.
LOOK_S: Final = 30
OTHER_S: Final = 3600

log = logging.getLogger(__name__)


class Steward:
    """Wants what Rewards is to be told."""

    def __init__(self, desk: Desk) -> None:
        self._desk, self._chain, self._store = desk, desk.chain, desk.context.store
        self._look_s = 0

    async def step(self) -> bool:
        """Whether a period is wanted that was not before. Raises ChainUnreachable, Retry, Unreachable."""
        now_s = (await self._chain.block()).timestamp
        if now_s < self._look_s:
            return False
        head = await self._chain.reward_head()
        if head is None or head.poster.lower() != self._desk.key.address.lower():
            self._look_s = now_s + OTHER_S
            return False
        self._look_s = max(head.ready_at, now_s + LOOK_S)
        return now_s >= head.ready_at and await self._is_over(head) and await self._post(head)

    async def _is_over(self, head: Head) -> bool:
        """Whether every epoch of payments that was posted before the period's end is known here, and final or void."""
        async with self._store.reading() as tx:
            seen, is_doubtful = await books.cursor(tx), await periods.is_doubtful(tx, head.next_at)
        return seen is not None and not is_doubtful and (await self._chain.block(seen.block)).timestamp >= head.next_at

    async def _post(self, head: Head) -> bool:
        deployment, number = self._chain.deployment, head.posted + 1
        async with self._store.transaction() as tx:
            if await queries.is_wanted(tx, Reward.kind, f"reward/{number}"):
                return False
            entries = await periods.entries_of(tx, head.next_at - head.period_s, head.next_at)
            period = period_of(number, entries, head.emitted, head.terms)
            root = root_of(Domain(deployment.chain_id, deployment.group.rewards), period).hex()
            sums = {"network": period.network, "emission": head.emitted, "total": period.total}
            await queries.want(tx, Reward(number=number, root=root, **sums, inputs=inputs_digest(entries)), "rewards")
        self._desk.bell.ring()
        return True
