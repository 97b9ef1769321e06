"""A durable consumer read in batches of whatever has arrived.

One request a fetch, with both `no_wait` and `expires`: the server hands over what is pending and says so with a status,
or, if nothing is, waits for the first message. nats-py's own `fetch(n)` waits for a batch to fill, which costs latency.
"""

import asyncio
import itertools
import json
from collections.abc import Sequence
from contextlib import suppress
from typing import Final, Self

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.errors import Error as NatsError

from assay.bus.api import PREFIX
from assay.bus.faults import typed_faults
from assay.bus.port import FETCH_MAX, Message

ACK: Final = b"+ACK"
TERM: Final = b"+TERM"
ACK_TIMEOUT_S: Final = 5.0
# How much longer than the server the reader waits for the status that ends a request.
GRACE_S: Final = 1.0


class PullConsumer:
    """The messages of one durable consumer. One fetch at a time."""

    def __init__(self, nc: Client, stream: str, durable: str) -> None:
        self._nc = nc
        self._next = f"{PREFIX}.CONSUMER.MSG.NEXT.{stream}.{durable}"
        self._inbox = nc.new_inbox()
        self._pulls = itertools.count(1)
        self._waiting_for = ""
        self._wanted = 0
        self._arrived: list[Message] = []
        self._ended = asyncio.Event()
        self._subscription: Subscription | None = None

    @classmethod
    async def open(cls, nc: Client, stream: str, durable: str) -> Self:
        """The reader of a consumer that exists, with an inbox that lasts."""
        reader = cls(nc, stream, durable)
        with typed_faults(reader._inbox):
            reader._subscription = await nc.subscribe(f"{reader._inbox}.*", cb=reader._on_arrival)
        return reader

    async def fetch(self, max_messages: int = FETCH_MAX, wait_s: float = 1.0) -> list[Message]:
        """Whatever has arrived, at once; else the first thing that comes within `wait_s`; or nothing."""
        if not self._arrived:
            await self._pull(max_messages, wait_s)
        taken, self._arrived = self._arrived[:max_messages], self._arrived[max_messages:]
        return taken

    async def ack(self, messages: Sequence[Message]) -> None:
        """Settle the messages: the server works them off in order, so it is asked to confirm the last one alone."""
        if not messages:
            return
        with typed_faults("an acknowledgement"):
            for message in messages[:-1]:
                await self._nc.publish(message.reply, ACK)
            await self._nc.request(messages[-1].reply, ACK, timeout=ACK_TIMEOUT_S)

    async def nak(self, message: Message, delay_s: float) -> None:
        """Ask for the message again after the delay."""
        delay = json.dumps({"delay": int(delay_s * 1e9)}).encode()
        with typed_faults("a refusal to take"):
            await self._nc.publish(message.reply, b"-NAK " + delay)

    async def term(self, message: Message) -> None:
        """Never ask for the message again."""
        with typed_faults("a termination"):
            await self._nc.publish(message.reply, TERM)

    async def close(self) -> None:
        """End a fetch that waits; the server drops a request in whose answers nobody is interested any more."""
        self._ended.set()
        if self._subscription is not None and not self._nc.is_closed:
            with suppress(NatsError):
                await self._subscription.unsubscribe()

    async def _pull(self, max_messages: int, wait_s: float) -> None:
        if not self._nc.is_connected and not self._nc.is_closed:
            # A request kept for later would ask for messages that nobody waits for any more.
            await asyncio.sleep(wait_s)
            return
        self._waiting_for, self._wanted = f"{self._inbox}.{next(self._pulls)}", max_messages
        self._ended.clear()
        body = {"batch": max_messages, "no_wait": True, "expires": max(int(wait_s * 1e9), 1_000_000)}
        with typed_faults(self._next):
            await self._nc.publish(self._next, json.dumps(body).encode(), reply=self._waiting_for)
        try:
            # Cut off by a lost connection, the request ends by this timeout; what was on its way comes again.
            async with asyncio.timeout(wait_s + GRACE_S):
                await self._ended.wait()
        except TimeoutError:
            return

    async def _on_arrival(self, raw: Msg) -> None:
        if raw.reply:
            self._arrived.append(stream_message(raw))
            self._wanted -= 1
            if self._wanted == 0:
                self._ended.set()
        elif raw.subject == self._waiting_for:
            self._ended.set()


def stream_message(raw: Msg) -> Message:
    """A message of a stream; its numbers stand in the subject that it is acknowledged on.

    `$JS.ACK.<stream>.<durable>.<deliveries>.<stream sequence>.<consumer sequence>.<time>.<pending>`, or the same with
    `<domain>.<account hash>` before the stream.
    """
    tokens = raw.reply.split(".")
    at = 4 if len(tokens) == 9 else 6
    deliveries, sequence, _, stored_ns = map(int, tokens[at : at + 4])
    return Message(raw.subject, raw.headers or {}, raw.data, deliveries, sequence, stored_ns // 1_000_000, raw.reply)
