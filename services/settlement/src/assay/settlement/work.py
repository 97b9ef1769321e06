"""The work at the desk: one process of all replicas holds it, by an advisory lock, and runs its four loops."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import AbstractAsyncContextManager
from functools import partial
from typing import Any

from assay.chain.errors import ChainError
from assay.chain.port import Chain
from assay.proof.keys import Key
from assay.runtime.context import Context
from assay.schema.errors import Retry, Unreachable
from assay.settlement.bell import Bell
from assay.settlement.closer import Closer
from assay.settlement.desk import Desk, Knobs
from assay.settlement.follower import Follower
from assay.settlement.reconciler import Gauge, Reconciler
from assay.settlement.sender import Sender
from assay.store.faults import typed_faults
from assay.store.outbox import wait_for_event

# While a receipt is awaited; the chain's own time is what is waited for, not ours.
AWAIT_S = 0.05
# The bell tells of what happens in this process; this is for what happens in other replicas.
IDLE_S = 0.5
FOLLOW_S = 0.25
RECONCILE_S = 1.0
TROUBLE_S = 1.0
LOCK = "select pg_try_advisory_lock(hashtextextended('settlement desk', 0))"

Step = Callable[[], Awaitable[bool]]
Wait = Callable[[], Awaitable[object]]
log = logging.getLogger(__name__)


async def keep_desk(
    context: Context, open_chain: Callable[[], AbstractAsyncContextManager[Chain]], key: Key, knobs: Knobs, bell: Bell
) -> None:
    """Moves money until the process stops. What is away (chain, database) is waited for; nothing is lost meanwhile."""
    gauge = context.metrics.gauge("settlement_drift", "Base units by which ledger and chain differ; must be 0.")
    while not context.stopping.is_set():
        try:
            async with context.store.session() as connection:
                with typed_faults():
                    is_held = await connection.fetchval(LOCK)
                if is_held:
                    async with open_chain() as chain:
                        desk = Desk(context, chain, key, knobs, bell)
                        await run_together(hold(context, connection), *loops(desk, gauge))
        except (ChainError, Retry, Unreachable) as error:
            log.warning("the desk is left for a moment: %s", error)
        await wait_for_event(context.stopping, TROUBLE_S)


def loops(desk: Desk, gauge: Gauge) -> list[Coroutine[Any, Any, None]]:
    """All that goes on at the desk."""
    follower = Follower(desk)
    sender, closer, reconciler = Sender(desk, follower), Closer(desk), Reconciler(desk, gauge)
    pause = partial(wait_for_event, desk.context.stopping)
    at_once = partial(asyncio.sleep, 0)
    return [
        loop(desk, sender.step, partial(pause, AWAIT_S), partial(desk.bell.ear().wait, IDLE_S)),
        loop(desk, closer.step, at_once, partial(desk.bell.ear().wait, IDLE_S)),
        loop(desk, follower.advance, at_once, partial(pause, FOLLOW_S)),
        loop(desk, reconciler.step, partial(pause, RECONCILE_S), partial(pause, RECONCILE_S)),
    ]


async def loop(desk: Desk, step: Step, busy: Wait, idle: Wait) -> None:
    """Takes step after step until the process stops, each after the wait that fits what the one before found.

    A step that found something away is taken again later.
    """
    stopping, was_well = desk.context.stopping, True
    while not stopping.is_set():
        try:
            await (busy() if await step() else idle())
            was_well = True
        except (ChainError, Retry, Unreachable) as error:
            if was_well:
                log.warning("settlement waits: %s", error)
            was_well = False
            await wait_for_event(stopping, TROUBLE_S)


async def hold(context: Context, connection: Any) -> None:
    """Keeps the connection that holds the desk. Raises Unreachable once it is gone, and with it the lock."""
    while not await wait_for_event(context.stopping, TROUBLE_S):
        with typed_faults():
            await connection.fetchval("select 1")


async def run_together(*work: Coroutine[Any, Any, None]) -> None:
    """Returns when all have; raises what the first one to fail raised, after the others were stopped."""
    tasks = [asyncio.create_task(part) for part in work]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
