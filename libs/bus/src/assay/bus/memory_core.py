"""What is said, heard and asked, in memory: queues between tasks instead of a connection."""

import asyncio
import itertools
import logging
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from assay.bus.core import ANSWERS_AT_ONCE
from assay.bus.port import ASK_TIMEOUT_S, Message, OnMessage, OnRequest
from assay.bus.refusal import raise_refusal, refuse
from assay.bus.subjects import fits
from assay.schema.errors import AssayError, Retry, Unreachable

log = logging.getLogger("assay.bus")


@dataclass(eq=False)
class Hearer:
    """An interest in a subject, with the messages that wait for it and the task that hears them one by one."""

    core: "MemoryCore"
    subject: str
    queue: str
    on: OnMessage
    waiting: asyncio.Queue[Message] = field(default_factory=asyncio.Queue)
    task: asyncio.Task[None] | None = None

    async def run(self) -> None:
        while True:
            message = await self.waiting.get()
            hearing = asyncio.ensure_future(self.on(message))
            await asyncio.wait({hearing})
            if bug := hearing.exception():
                log.error("connection: %s", bug, exc_info=bug)
            self.waiting.task_done()

    async def close(self) -> None:
        """End the interest; what has arrived already is still handled."""
        self.core.hearers = [hearer for hearer in self.core.hearers if hearer is not self]
        await self.waiting.join()
        if self.task:
            self.task.cancel()


class MemoryCore:
    """Listeners, servers and questions of one process."""

    def __init__(self) -> None:
        self.hearers: list[Hearer] = []
        self._questions = itertools.count(1)
        self._answers: dict[str, asyncio.Future[Message]] = {}
        self._working: set[asyncio.Task[None]] = set()

    async def say(self, subject: str, data: bytes, headers: Mapping[str, str] | None = None) -> None:
        """Send what may be lost: nobody need hear it."""
        self.deliver(Message(subject, dict(headers or {}), data))

    async def listen(self, subject: str, on: OnMessage, queue: str = "") -> Hearer:
        """Hear what is said on a subject, one after the other, from when this returns."""
        hearer = Hearer(self, subject, queue, on)
        hearer.task = asyncio.create_task(hearer.run())
        self.hearers.append(hearer)
        return hearer

    async def serve(self, subject: str, on: OnRequest, queue: str = "") -> Hearer:
        """Answer what is asked on a subject, up to ANSWERS_AT_ONCE at a time."""
        room = asyncio.Semaphore(ANSWERS_AT_ONCE)

        def done(task: asyncio.Task[None]) -> None:
            self._working.discard(task)
            room.release()
            if not task.cancelled() and (bug := task.exception()):
                log.error("no answer was given on %s", subject, exc_info=bug)

        async def take(message: Message) -> None:
            await room.acquire()
            task = asyncio.create_task(self._answer(message, on))
            self._working.add(task)
            task.add_done_callback(done)

        return await self.listen(subject, take, queue)

    async def ask(
        self, subject: str, data: bytes, headers: Mapping[str, str] | None = None, timeout_s: float = ASK_TIMEOUT_S
    ) -> Message:
        """The answer. Raises Refused as the other side did, Unreachable if nobody serves, Retry after the timeout."""
        reply = f"_INBOX.{next(self._questions)}"
        self._answers[reply] = asyncio.get_running_loop().create_future()
        try:
            if not self.deliver(Message(subject, dict(headers or {}), data, reply=reply)):
                raise Unreachable(f"Nobody answers on {subject}.")
            async with asyncio.timeout(timeout_s):
                answer = await self._answers[reply]
        except TimeoutError:
            raise Retry(f"No answer on {subject} in time.", 1.0) from None
        finally:
            del self._answers[reply]
        raise_refusal(answer.headers, answer.data)
        return answer

    def deliver(self, message: Message) -> int:
        """Hands the message to all who hear its subject, of each queue to one; returns to how many."""
        fitting = [hearer for hearer in self.hearers if fits(hearer.subject, message.subject)]
        chosen = [hearer for hearer in fitting if not hearer.queue]
        for queue in sorted({hearer.queue for hearer in fitting if hearer.queue}):
            chosen.append(random.choice([hearer for hearer in fitting if hearer.queue == queue]))
        for hearer in chosen:
            hearer.waiting.put_nowait(message)
        return len(chosen)

    async def leave(self) -> None:
        """End every interest."""
        tasks = [*self._working, *(hearer.task for hearer in self.hearers if hearer.task)]
        self.hearers = []
        for task in tasks:
            task.cancel()
        await _ended(tasks)

    async def _answer(self, message: Message, on: OnRequest) -> None:
        try:
            answer = await on(message)
        except AssayError as error:
            answer = refuse(error)
        headers, data = answer if isinstance(answer, tuple) else ({}, answer)
        waiting = self._answers.get(message.reply)
        if waiting and not waiting.done():
            waiting.set_result(Message(message.reply, dict(headers), data))


async def _ended(tasks: Sequence[asyncio.Task[None]]) -> None:
    if tasks:
        await asyncio.wait(tasks)
