"""Sends: pending intents become one transaction, whose nonce and signed bytes are committed before they leave.

Everything after that commit may happen any number of times: the same bytes are sent again freely, a stuck nonce is
offered at higher fees, and whichever attempt is mined counts once, because the follower takes in logs, not sendings.
A batch leaves as soon as there is something to send and the one before it is in a block.
"""

import asyncio
import logging
from collections.abc import Sequence

from assay.chain.errors import FeeTooLow, NonceTaken, Reverted, Unfunded
from assay.chain.events import Receipt
from assay.chain.transaction import bump, sign_transaction
from assay.chain.values import Fees
from assay.schema.errors import Retry
from assay.settlement import batches, queries, sending
from assay.settlement.desk import POSTPONE_MS, Desk
from assay.settlement.follower import Follower
from assay.settlement.paying.intents import Forward
from assay.settlement.queries import Intent
from assay.settlement.relaying import queue
from assay.settlement.relaying.checks import refusal_of
from assay.store import Transaction

# The same bytes are sent again after so long, should the node have forgotten them.
RESEND_S = 3.0
# How long the chain must show a nonce of ours as used by somebody else before it is given up.
FOREIGN_S = 10.0
GWEI = 10**9

log = logging.getLogger(__name__)


class Sender:
    """Turns intents into transactions of one key."""

    def __init__(self, desk: Desk, follower: Follower) -> None:
        self._desk, self._follower = desk, follower
        self._chain, self._store = desk.chain, desk.context.store
        self._sender = desk.key.address
        self._sent_s: dict[bytes, float] = {}
        self._foreign_s: dict[int, float] = {}

    async def step(self) -> bool:
        """Whether a transaction is under way. Raises ChainUnreachable, Retry, Unreachable."""
        async with self._store.reading() as tx:
            under_way = await sending.sent(tx, self._sender)
        self._desk.gauges.under_way.set(self._age_s(under_way))
        mined = [await self._pursue(sent) for sent in under_way]
        if not all(mined):
            await self._revive()
        elif await self._dispatch():
            return True
        return bool(under_way)

    def _age_s(self, under_way: Sequence[sending.Sent]) -> float:
        """For how long the oldest of these is under way; 0 if there is none."""
        now_ms = self._desk.context.now()
        return max((now_ms - sent.since_ms for sent in under_way), default=0) / 1000

    async def _pursue(self, sent: sending.Sent) -> bool:
        """Whether the transaction is in a block; takes it in at depth, sends it again where it is in none."""
        receipt, head = await asyncio.gather(self._receipt(sent), self._chain.block())
        if receipt is None:
            await self._offer(sent)
            return False
        self._sent_s.pop(receipt.tx_hash, None)
        # A node may show a receipt later than that the nonce is used: what was doubted then is no doubt any more.
        self._foreign_s.pop(sent.nonce, None)
        if head.number - receipt.block_number + 1 >= self._desk.knobs.confirmations:
            await self._finish(sent, receipt)
        return True

    async def _receipt(self, sent: sending.Sent) -> Receipt | None:
        found = await asyncio.gather(*(self._chain.receipt(tx_hash) for tx_hash in sent.hashes))
        return next((receipt for receipt in found if receipt is not None), None)

    async def _finish(self, sent: sending.Sent, receipt: Receipt) -> None:
        if receipt.status == 1 and not receipt.events:
            async with self._store.transaction() as tx:
                await sending.end_idle(tx, self._sender, sent.nonce, receipt.block_number)
        elif receipt.status == 1:
            await self._follower.advance()
        elif (await self._chain.block(receipt.block_number)).hash == receipt.block_hash:
            log.error("nonce %d was mined and changed nothing: its intents are sent again later", sent.nonce)
            async with self._store.transaction() as tx:
                await queue.fail(tx, self._sender, sent.nonce)
                await sending.end(tx, self._sender, sent.nonce, "failed", receipt.block_number, self._later_ms())
            if sent.batch.kind == Forward.kind:
                self._desk.gauges.relayed.inc(receipt.gas_used)

    async def _offer(self, sent: sending.Sent) -> None:
        """Send the latest bytes again if it is time, at higher fees if it is high time."""
        now_s = asyncio.get_running_loop().time()
        waited_ms = self._desk.context.now() - sent.at_ms
        if now_s - self._sent_s.get(sent.hashes[-1], -RESEND_S) >= RESEND_S:
            await self._broadcast(sent)
        elif waited_ms > self._desk.knobs.bump_after_s * 1000:
            await self._bump(sent)

    async def _broadcast(self, sent: sending.Sent) -> None:
        self._sent_s[sent.hashes[-1]] = asyncio.get_running_loop().time()
        try:
            await self._chain.broadcast(sent.raw)
            # What the node takes has a nonce that nobody used: a doubt from before is of another fork.
            self._foreign_s.pop(sent.nonce, None)
        except FeeTooLow:
            await self._bump(sent)
        except NonceTaken:
            await self._doubt(sent)
        except Unfunded as error:
            log.error("nothing can be sent: %s", error)

    async def _bump(self, sent: sending.Sent) -> None:
        """Offer the same nonce with both fees at least an eighth higher."""
        higher, market = bump(sent.fees), await self._chain.fees()
        fees = Fees(max(higher.max_fee, market.max_fee), max(higher.max_priority, market.max_priority))
        if fees.max_fee > self._fee_max():
            log.warning("nonce %d waits: gas costs more than fee_max_gwei", sent.nonce)
            return
        async with self._store.transaction() as tx:
            attempt = await self._sign(tx, sent.nonce, sent.batch, fees)
        await self._broadcast(attempt)

    async def _revive(self) -> None:
        """Send what was given up too, should its nonce be free again after a fork: what follows waits for it."""
        async with self._store.reading() as tx:
            if not await sending.is_any_void_before(tx, self._sender):
                return
        floor = await self._chain.nonce_of(self._sender)
        async with self._store.transaction() as tx:
            await sending.revive(tx, self._sender, floor)

    async def _doubt(self, sent: sending.Sent) -> None:
        """The node says the nonce is used. If none of our hashes ever shows up, somebody else holds the key."""
        now_s = asyncio.get_running_loop().time()
        since_s = self._foreign_s.setdefault(sent.nonce, now_s)
        self._sent_s.pop(sent.hashes[-1], None)
        if await self._receipt(sent) is not None:
            self._foreign_s.pop(sent.nonce, None)
        elif now_s - since_s > FOREIGN_S:
            log.error("nonce %d was used by a transaction that is not ours: who else has the key?", sent.nonce)
            # A fork may have it sent again: then it is doubted from anew.
            self._foreign_s.pop(sent.nonce)
            async with self._store.transaction() as tx:
                await sending.end(tx, self._sender, sent.nonce, "void", None)

    async def _dispatch(self) -> bool:
        """Whether there was anything to send."""
        async with self._store.reading() as tx:
            intents = await queries.pending(tx, self._desk.context.now(), batches.BATCH_MAX)
        is_pending = bool(intents)
        while intents:
            intents = intents[: batches.fitting([intent.body for intent in intents])]
            batch = batches.pack([intent.body for intent in intents], self._chain.deployment)
            try:
                # Asked of the chain at once; what the call would need says only whether it would be reverted.
                _, market, floor = await asyncio.gather(
                    self._chain.estimate(self._sender, batch.target, batch.call),
                    self._chain.fees(),
                    self._chain.nonce_of(self._sender),
                )
            except Reverted as error:
                intents = await self._halve(intents, error)
                continue
            return await self._send(batch, intents, market, floor)
        return is_pending

    async def _halve(self, intents: list[Intent], error: Reverted) -> list[Intent]:
        """The first half of a batch that would revert; one that would revert alone is given up for now."""
        if len(intents) == 1:
            await self._give_up(intents[0], error)
        return intents[: len(intents) // 2]

    async def _give_up(self, intent: Intent, error: Reverted) -> None:
        async with self._store.transaction() as tx:
            if isinstance(intent.body, Forward):
                refusal = refusal_of(error)
                return await queue.refuse(tx, intent.body, refusal.code, refusal.detail)
            await queries.postpone(tx, [intent.position], self._later_ms())
        log.error("intent %s cannot be sent now: %s", intent.key, error)

    def _fee_max(self) -> int:
        return self._desk.knobs.fee_max_gwei * GWEI

    def _later_ms(self) -> int:
        return self._desk.context.now() + POSTPONE_MS

    async def _send(self, batch: batches.Batch, intents: Sequence[Intent], market: Fees, floor: int) -> bool:
        fees = Fees(min(market.max_fee, self._fee_max()), min(market.max_priority, self._fee_max()))
        positions = [intent.position for intent in intents]
        async with self._store.transaction() as tx:
            await sending.revive(tx, self._sender, floor)
            nonce = await sending.next_nonce(tx, self._sender, floor)
            await sending.add_transaction(tx, self._sender, nonce, batch, self._desk.context.now())
            if not await sending.claim(tx, self._sender, nonce, positions):
                raise Retry("Another desk took an intent first.")
            attempt = await self._sign(tx, nonce, batch, fees)
        await self._broadcast(attempt)
        return True

    async def _sign(self, tx: Transaction, nonce: int, batch: batches.Batch, fees: Fees) -> sending.Sent:
        now_ms, chain_id = self._desk.context.now(), self._chain.deployment.chain_id
        signed = sign_transaction(self._desk.key, nonce, batch.target, batch.call, batch.gas, fees, chain_id)
        await sending.add_attempt(tx, self._sender, signed, fees, now_ms)
        return sending.Sent(nonce, batch, (signed.hash,), signed.raw, fees, now_ms, now_ms)
