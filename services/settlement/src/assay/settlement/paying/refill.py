"""The operator's own deposit: what audits that no order pays lack in it comes from what the operator has in hand.

Fees of jobs arrive there, and audits are what they are for. No more is deposited than is owed.
"""

from collections.abc import Sequence
from typing import Final

from assay.chain.relayed import encode_relay, sign_deposit
from assay.settlement import queries
from assay.settlement.desk import Desk
from assay.settlement.paying import holds
from assay.settlement.paying.billing import Due
from assay.settlement.paying.intents import Refill, written

# While there is nothing in hand it is looked for so often.
LOOK_MS: Final = 30_000
# The permit waits with its transaction, however long that waits.
GOOD_FOR_S: Final = 30 * 24 * 3600
OPEN: Final = "select exists (select from intents where kind = 'refill' and state in ('pending', 'sent'))"


class Refiller:
    """Has deposited what is lacking."""

    def __init__(self, desk: Desk) -> None:
        self._desk, self._chain, self._store = desk, desk.chain, desk.context.store
        self._look_ms = 0

    async def step(self, dues: Sequence[Due]) -> bool:
        """Whether a deposit is wanted that was not before, for what is owed. Raises ChainUnreachable, Unreachable."""
        now_ms, key = self._desk.context.now(), self._desk.key
        if now_ms < self._look_ms:
            return False
        self._look_ms = now_ms + LOOK_MS
        async with self._store.transaction() as tx:
            if await tx.fetchval(OPEN):
                return False
            lacking = sum(due.amount for due in dues) - max(0, await holds.free(tx, key.address.lower()))
        in_hand = await self._chain.token_balance(self._chain.deployment.stable, key.address)
        if (amount := min(lacking, in_hand)) <= 0:
            return False
        permit = await sign_deposit(self._chain, key, amount, GOOD_FOR_S)
        async with self._store.transaction() as tx:
            content = written(encode_relay(key.address, permit))
            await queries.want(tx, Refill(nonce=permit.nonce, content=content), "dues")
        self._desk.bell.ring()
        return True
