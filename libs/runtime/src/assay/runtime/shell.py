"""The shell at work: the flows, timers and tasks of a service, and its outbox, which stops last."""

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any, Final

from assay.runtime.context import Context
from assay.runtime.flow import Flow
from assay.runtime.timers import run_timer
from assay.schema.errors import AssayError
from assay.store.outbox import Outbox, backlog
from assay.store.waiting import wait_for_event

DRAIN_S: Final = 20.0
FLUSH_S: Final = 5.0
MEASURE_EVERY_S: Final = 5.0
STREAMS_EVERY_S: Final = 60.0

log = logging.getLogger(__name__)


class Shell:
    """Everything of a service that runs, over ports that are connected."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx
        self._failure: Exception | None = None
        self._outbox = Outbox(ctx.store, ctx.bus, lambda rows: ctx.metrics.sent(row.subject for row in rows))

    async def run(self) -> None:
        """Works until the context's `stopping` is set, then drains. Raises what made a part of it fail."""
        silent = asyncio.Event()
        outbox = self._start("outbox", self._outbox.run(silent))
        work = [self._start(name, part) for name, part in self._parts()]
        await self._ctx.stopping.wait()
        _, late = await asyncio.wait(work, timeout=DRAIN_S) if work else (set(), set())
        for task in late:
            log.warning("%s did not stop in %.0f s, and is cut off", task.get_name(), DRAIN_S)
            task.cancel()
        silent.set()
        await asyncio.wait([outbox, *late], timeout=FLUSH_S)
        outbox.cancel()
        await self._flush()
        if self._failure is not None:
            raise self._failure

    def _parts(self) -> list[tuple[str, Coroutine[Any, Any, None]]]:
        ctx = self._ctx
        flows = [(f"flow {stream}", Flow(ctx, stream).run()) for stream in ctx.service.consumed()]
        timers = [(f"timer {timer.name}", run_timer(ctx, timer)) for timer in ctx.service.timers]
        tasks = [
            (f"task {getattr(task, '__name__', number)}", _call(task, ctx))
            for number, task in enumerate(ctx.service.tasks)
        ]
        return [*flows, *timers, *tasks, ("measure", self._measure()), ("measure streams", self._measure_streams())]

    def _start(self, name: str, part: Coroutine[Any, Any, None]) -> "asyncio.Task[None]":
        return asyncio.create_task(self._guard(name, part), name=name)

    async def _guard(self, name: str, part: Coroutine[Any, Any, None]) -> None:
        try:
            await part
        except Exception as error:
            log.exception("%s failed, the process ends", name)
            self._failure = self._failure or error
            self._ctx.stopping.set()

    async def _measure(self) -> None:
        while not await wait_for_event(self._ctx.stopping, MEASURE_EVERY_S):
            try:
                rows, age_s = await backlog(self._ctx.store)
            except AssayError as error:
                log.warning("outbox is not measured: %s", error)
                continue
            self._ctx.metrics.outbox_rows.set(rows)
            self._ctx.metrics.outbox_age_s.set(age_s)

    async def _measure_streams(self) -> None:
        """How full the streams are that this service fills: a full one refuses."""
        while not await wait_for_event(self._ctx.stopping, STREAMS_EVERY_S):
            try:
                found = await self._ctx.bus.fullness(self._ctx.service.written())
            except AssayError as error:
                log.warning("streams are not measured: %s", error)
                continue
            for name, full in found.items():
                self._ctx.metrics.stream_full.labels(name).set(full)

    async def _flush(self) -> None:
        try:
            async with asyncio.timeout(FLUSH_S):
                await self._outbox.flush()
        except (AssayError, TimeoutError) as error:
            log.warning("the outbox keeps its rest for the next run: %s", error)


async def _call(task: Any, ctx: Context) -> None:
    await task(ctx)
