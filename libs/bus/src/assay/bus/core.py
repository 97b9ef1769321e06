"""Core NATS: what is said and may be lost, and questions with their answers. Needs no JetStream."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription as NatsSubscription
from nats.errors import BadSubscriptionError

from assay.bus.connection import confirm
from assay.bus.faults import typed_faults
from assay.bus.headers import read_headers_fast
from assay.bus.port import ASK_TIMEOUT_S, Message, OnMessage, OnRequest, Subscription
from assay.bus.refusal import raise_refusal, refuse
from assay.schema.errors import AssayError, Retry, Unreachable

log = logging.getLogger("assay.bus")

# Beyond this many questions in work the next ones wait in the connection's own queue.
ANSWERS_AT_ONCE: Final = 64


class CoreBus:
    """What may be said, heard and asked over one connection. `back` is set whenever it was lost and is there again."""

    def __init__(self, nc: Client, back: asyncio.Event | None = None) -> None:
        self.nc = nc
        self.back = back or asyncio.Event()
        read_headers_fast(nc)

    @property
    def line(self) -> str:
        """The name of the connection, by which the servers speak of it; another one each time that it is taken up."""
        return line_name(self.nc._server_info.get("server_id"), self.nc.client_id)

    @property
    def is_connected(self) -> bool:
        """Whether messages flow at this moment."""
        return self.nc.is_connected

    async def say(self, subject: str, data: bytes, headers: Mapping[str, str] | None = None) -> None:
        """Send what may be lost. Raises Unreachable once the connection is closed for good."""
        try:
            with typed_faults(subject):
                await self.nc.publish(subject, data, headers=dict(headers) if headers else None)
        except Retry as lost:
            log.warning("lost: %s", lost.detail)

    async def listen(self, subject: str, on: OnMessage, queue: str = "") -> Subscription:
        """Hear what is said on a subject, one after the other, from when this returns."""

        async def hear(raw: Msg) -> None:
            await on(message_of(raw))

        return await self._subscribe(subject, queue, hear)

    async def serve(self, subject: str, on: OnRequest, queue: str = "") -> Subscription:
        """Answer what is asked on a subject, up to ANSWERS_AT_ONCE at a time."""
        room = asyncio.Semaphore(ANSWERS_AT_ONCE)
        working: set[asyncio.Task[None]] = set()

        def done(task: asyncio.Task[None]) -> None:
            working.discard(task)
            room.release()
            if not task.cancelled() and (bug := task.exception()):
                log.error("no answer was given on %s", subject, exc_info=bug)

        async def take(raw: Msg) -> None:
            await room.acquire()
            task = asyncio.create_task(self._answer(raw, on))
            working.add(task)
            task.add_done_callback(done)

        return await self._subscribe(subject, queue, take)

    async def ask(
        self,
        subject: str,
        data: bytes,
        headers: Mapping[str, str] | None = None,
        timeout_s: float = ASK_TIMEOUT_S,
    ) -> Message:
        """The answer. Raises Refused as the other side did, Unreachable if nobody serves, Retry after the timeout."""
        with typed_faults(subject):
            raw = await self.nc.request(subject, data, timeout=timeout_s, headers=dict(headers) if headers else None)
        answer = message_of(raw)
        raise_refusal(answer.headers, answer.data)
        return answer

    async def close(self) -> None:
        """Send what is still to be sent, and leave, whether or not the server says that it has it."""
        if self.nc.is_connected:
            try:
                with typed_faults("closing"):
                    await confirm(self.nc)
            except (Retry, Unreachable) as error:
                # What had to arrive was answered before; for the rest nobody who leaves by plan ends by a fault.
                log.warning("leaves unconfirmed: %s", error)
        if not self.nc.is_closed:
            try:
                await self.nc.close()
            except ConnectionError as error:
                # The line broke in this moment, with something on its way: it is closed as well.
                log.warning("leaves as the line breaks: %s", error)

    async def _answer(self, raw: Msg, on: OnRequest) -> None:
        try:
            answer = await on(message_of(raw))
        except AssayError as error:
            answer = refuse(error)
        headers, data = answer if isinstance(answer, tuple) else ({}, answer)
        if raw.reply:
            await self.say(raw.reply, data, headers)

    async def _subscribe(self, subject: str, queue: str, on: Callable[[Msg], Awaitable[None]]) -> Subscription:
        with typed_faults(subject):
            subscription = await self.nc.subscribe(subject, queue=queue, cb=on)
            await confirm(self.nc)
        return CoreSubscription(subscription)


class CoreSubscription:
    """An interest in a subject that lasts until it is closed."""

    def __init__(self, subscription: NatsSubscription) -> None:
        self._subscription = subscription

    async def close(self) -> None:
        """End the interest; what has arrived already is still handled."""
        try:
            with typed_faults(self._subscription.subject):
                await self._subscription.drain()
        except BadSubscriptionError:
            return


def line_name(server_id: object, client_id: object) -> str:
    """What a connection is called: unique among all servers of a network."""
    return f"{server_id}:{client_id}"


def message_of(raw: Msg) -> Message:
    """The message, without the numbers that only a stream gives."""
    return Message(raw.subject, raw.headers or {}, raw.data, reply=raw.reply)
