"""The flow of one stream through one service: fetch, commit, acknowledge; and what happens to what fails.

A batch that fails is taken apart at the event at fault: what came before it is committed, it alone is dealt with, the
rest goes on as a batch. Nothing that failed is ever acknowledged as done:

    Retry           back with a delay that grows, at last to the dead letters
    Reject          to the dead letters at once
    lost server     the batch is kept and tried again when the server is back
    anything else   a bug: logged whole, back with a delay, at last to the dead letters
"""

import asyncio
import logging
import time
from collections.abc import Sequence
from typing import Final

from assay.bus.port import Consumer, Message
from assay.runtime.batch import Failed, Heard, handle_batch
from assay.runtime.context import Context
from assay.runtime.dead import bury
from assay.runtime.logs import fields_of
from assay.schema import decode, durable_of
from assay.schema.errors import AssayError, Reject, Retry, Unreachable
from assay.store.waiting import GATHER_S, wait_for_event

BATCH_MAX: Final = 256
# How long a request for events stands at the server. While nothing happens each costs all who take part; but one that
# is lost with its connection is waited for as long.
FETCH_WAIT_S: Final = 2.0
# How soon the events of a replica that crashed go to another; a batch takes a fiftieth of it.
ACK_WAIT_S: Final = 5.0
RECONNECT_S: Final = 0.5
DELAY_MAX_S: Final = 30.0
BUG_DELAY_S: Final = 1.0
# With the growing delays, about seven minutes of trying.
DELIVERIES_MAX: Final = 20

log = logging.getLogger(__name__)


class Flow:
    """The events of one stream, read through the durable consumer that all replicas of the service share."""

    def __init__(self, ctx: Context, stream: str) -> None:
        self._ctx, self.stream = ctx, stream
        self._consumer: Consumer | None = None
        self._subjects = sorted(event.subjects() for event in ctx.service.consumed()[stream])

    async def run(self) -> None:
        """Handles batches until the shell stops; the batch in hand is finished."""
        handling = asyncio.create_task(self._handle())
        stopped = asyncio.create_task(self._ctx.stopping.wait())
        try:
            await asyncio.wait((handling, stopped), return_when=asyncio.FIRST_COMPLETED)
            if self._consumer:
                await self._consumer.close()
            await handling
        finally:
            stopped.cancel()
            handling.cancel()

    async def _handle(self) -> None:
        while not self._ctx.stopping.is_set():
            try:
                consumer = self._consumer = self._consumer or await self._open()
                if messages := await consumer.fetch(BATCH_MAX, FETCH_WAIT_S):
                    await self.settle(consumer, messages)
                    await asyncio.sleep(GATHER_S if len(messages) < BATCH_MAX else 0)
            except (Retry, Unreachable) as error:
                log.warning("%s waits: %s", self.stream, error)
                await wait_for_event(self._ctx.stopping, RECONNECT_S)

    async def settle(self, consumer: Consumer, messages: Sequence[Message]) -> None:
        """Every message of a batch is committed and acknowledged, sent back, or buried."""
        started_s = time.perf_counter()
        batch = [heard for message in messages if (heard := await self._decode(consumer, message))]
        with self._ctx.telemetry.batch(self.stream, [heard.said for heard in batch]):
            while batch:
                batch = await self._advance(consumer, batch)
        self._ctx.metrics.settled(self.stream, len(messages), time.perf_counter() - started_s)

    async def _open(self) -> Consumer:
        durable = durable_of(self._ctx.name, self.stream)
        return await self._ctx.bus.consumer(self.stream, durable, self._subjects, ack_wait_s=ACK_WAIT_S)

    async def _decode(self, consumer: Consumer, message: Message) -> Heard | None:
        try:
            said = decode(message.headers, message.data, message.stored_ms)
            if type(said.event) not in self._ctx.service.handlers:
                raise Reject(f"{self._ctx.name} has no handler for {said.event.type}.")
        except Reject as error:
            await self._bury(consumer, message, error)
            return None
        return Heard(message, said)

    async def _advance(self, consumer: Consumer, batch: list[Heard]) -> list[Heard]:
        """What is left of the batch after a part of it was dealt with."""
        try:
            outcome = await handle_batch(self._ctx, batch)
        except Failed as failed:
            return await self._take_apart(consumer, batch, failed)
        self._ctx.metrics.handled(self.stream, outcome)
        self._ctx.metrics.lag(self.stream, self._ctx.now() - batch[0].said.time_ms)
        await consumer.ack([heard.message for heard in batch])
        return []

    async def _take_apart(self, consumer: Consumer, batch: list[Heard], failed: Failed) -> list[Heard]:
        if isinstance(failed.error, Unreachable):
            log.warning("%s keeps %d events: %s", self.stream, len(batch), failed.error)
            return [] if await wait_for_event(self._ctx.stopping, RECONNECT_S) else batch
        if failed.at == 0 or len(batch) == 1:
            return await self._deal_with(consumer, batch, failed.error)
        # A failure of no single event (the write of all of them) is narrowed down by halves.
        cut = failed.at or len(batch) // 2
        return [*await self._advance(consumer, batch[:cut]), *batch[cut:]]

    async def _deal_with(self, consumer: Consumer, batch: list[Heard], error: Exception) -> list[Heard]:
        """Sends back or buries the first of the batch; what is left. With it goes back what follows on the same."""
        first, rest = batch[0], batch[1:]
        delay_s = delay_of(error, first.message.deliveries)
        if delay_s is None:
            await self._bury(consumer, first.message, error)
            return rest
        later = [heard for heard in rest if heard.said.event.about == first.said.event.about]
        for heard in (first, *later):
            await consumer.nak(heard.message, delay_s)
        self._tell(first, error, delay_s)
        return [heard for heard in rest if heard.said.event.about != first.said.event.about]

    def _tell(self, heard: Heard, error: Exception, delay_s: float) -> None:
        code = error.code if isinstance(error, AssayError) else "bug"
        self._ctx.metrics.retried.labels(heard.said.event.type, code).inc()
        level, trace = (logging.INFO, None) if isinstance(error, Retry) else (logging.ERROR, error)
        fields = fields_of(heard.said) | {"deliveries": heard.message.deliveries, "delay_s": delay_s}
        log.log(level, "sent back: %s", error, exc_info=trace, extra=fields)

    async def _bury(self, consumer: Consumer, message: Message, error: Exception) -> None:
        letter = await bury(self._ctx, message, error)
        self._ctx.metrics.rejected.labels(letter.type, letter.code).inc()
        is_bug = not isinstance(error, AssayError)
        log.error("dead letter %s: %s", letter.event_id, error, exc_info=error if is_bug else None)
        await consumer.ack([message])


def delay_of(error: Exception, deliveries: int) -> float | None:
    """After how many seconds what failed is to come again; None if never. It doubles with each delivery."""
    if isinstance(error, Reject) or deliveries >= DELIVERIES_MAX:
        return None
    first_s = error.delay_s if isinstance(error, Retry) else BUG_DELAY_S
    return max(first_s, min(first_s * 2.0 ** (max(deliveries, 1) - 1), DELAY_MAX_S))
