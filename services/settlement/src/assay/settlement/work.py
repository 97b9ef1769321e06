"""The work at the desk: one process of all replicas holds it, by an advisory lock, and runs its loops."""

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
from assay.settlement.desk import Desk, Gauges, Knobs
from assay.settlement.follower import Follower
from assay.settlement.paying.herald import Herald
from assay.settlement.paying.teller import Teller
from assay.settlement.reconciler import Reconciler
from assay.settlement.rewarding.steward import Steward
from assay.settlement.sender import Sender
from assay.settlement.slashing.bailiff import Bailiff
from assay.store.faults import typed_faults
from assay.store.waiting import GATHER_S, wait_for_event

# While a receipt is awaited; the chain's own time is what is waited for, not ours.
AWAIT_S = 0.05
# The bell tells of what happens in this process; this is for what happens in other replicas.
IDLE_S = 1.0
# So much later a node that is asked has turned to the next second, too.
TURN_MS = 20
FOLLOW_S = 0.25
RECONCILE_S = 1.0
# Ledger and chain are compared so often while nothing happens.
RECONCILE_IDLE_S = 5.0
TROUBLE_S = 1.0
LOCK = "select pg_try_advisory_lock(hashtextextended('settlement desk', 0))"

Step = Callable[[], Awaitable[bool]]
Wait = Callable[[], Awaitable[object]]
log = logging.getLogger(__name__)


async def keep_desk(
    context: Context, open_chain: Callable[[], AbstractAsyncContextManager[Chain]], key: Key, knobs: Knobs, bell: Bell
) -> None:
    """Moves money until the process stops. What is away (chain, database) is waited for; nothing is lost meanwhile."""
    gauges = Gauges.of(context.metrics)
    while not context.stopping.is_set():
        try:
            async with context.store.session() as connection:
                with typed_faults():
                    is_held = await connection.fetchval(LOCK)
                if is_held:
                    async with open_chain() as chain:
                        desk = Desk(context, chain, key, knobs, bell, gauges)
                        await run_together(hold(context, connection), *loops(desk))
        except (ChainError, Retry, Unreachable) as error:
            log.warning("the desk is left for a moment: %s", error)
        await wait_for_event(context.stopping, TROUBLE_S)


def loops(desk: Desk) -> list[Coroutine[Any, Any, None]]:
    """All that goes on at the desk."""
    follower = Follower(desk)
    sender, closer, reconciler = Sender(desk, follower), Closer(desk), Reconciler(desk)
    teller, herald, bailiff, steward = Teller(desk), Herald(desk), Bailiff(desk), Steward(desk)
    pause = partial(wait_for_event, desk.context.stopping)
    at_once, soon = partial(asyncio.sleep, 0), partial(asyncio.sleep, GATHER_S)
    changed = desk.bell.ear()

    async def until_reconciled_anew() -> None:
        await pause(RECONCILE_S)
        await changed.wait(RECONCILE_IDLE_S)

    def heard() -> Wait:
        """Returns when the bell has rung, but not at each of the rings that come together."""
        ear = desk.bell.ear()

        async def wait() -> None:
            await soon()
            await ear.wait(min(IDLE_S, second_left_s(desk.context.now())))

        return wait

    return [
        loop(desk, sender.step, partial(pause, AWAIT_S), heard()),
        loop(desk, closer.step, soon, heard()),
        loop(desk, follower.advance, at_once, partial(pause, FOLLOW_S)),
        loop(desk, herald.step, soon, heard()),
        loop(desk, teller.step, at_once, heard()),
        loop(desk, bailiff.step, at_once, heard()),
        loop(desk, steward.step, at_once, partial(pause, IDLE_S)),
        loop(desk, reconciler.step, until_reconciled_anew, until_reconciled_anew),
    ]


def second_left_s(now_ms: int) -> float:
    """How long the second lasts yet: the chain counts in seconds, and what waits for its time is due as one begins."""
    return (1000 - now_ms % 1000 + TURN_MS) / 1000


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
