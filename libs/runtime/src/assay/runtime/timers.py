"""Timers: work that comes again, in a transaction, on one replica at a time.

A timer may find the same thing each time it looks. What it says is said only if it is not just what this service last
said of the aggregate; the event's id follows from the timer and that last event, so one look done twice says one thing.
"""

import logging
from collections.abc import Sequence
from typing import Final

from assay.runtime.context import Context, Unit
from assay.runtime.service import Timer
from assay.schema import REGISTRY, Event
from assay.schema.errors import AssayError
from assay.store.timers import claim_timer, last_said
from assay.store.waiting import wait_for_event

# A replica that looks a little early must not lose its turn, and a second one must not get one in between.
DUE_SHARE: Final = 0.75

log = logging.getLogger(__name__)


async def run_timer(ctx: Context, timer: Timer) -> None:
    """Runs a timer until the shell stops. A run that fails is logged, and the next one comes in its time."""
    while not await wait_for_event(ctx.stopping, timer.every_s):
        await run_now(ctx, timer)


async def run_now(ctx: Context, timer: Timer) -> None:
    """Runs a timer that may be due. A run that fails is logged."""
    try:
        await run_once(ctx, timer)
    except AssayError as error:
        log.warning("timer %s waits: %s", timer.name, error)
    except Exception:
        log.exception("timer %s failed", timer.name)


async def run_once(ctx: Context, timer: Timer) -> bool:
    """Whether the timer was due and ran here: not on another replica, not a moment ago."""
    async with ctx.unit() as unit:
        if not await claim_timer(unit.tx, ctx.name, timer.name, timer.every_s * DUE_SHARE):
            return False
        await _say_news(unit, timer, await timer.run(unit.ports, ctx.now()))
    ctx.metrics.timer_runs.labels(timer.name).inc()
    return True


async def _say_news(unit: Unit, timer: Timer, events: Sequence[Event]) -> None:
    if not events:
        return
    kept = await last_said(unit.tx, {event.about for event in events})
    last = {about: (said.event_id, said.type, said.data) for about, said in kept.items()}
    for event in events:
        cause, type_, data = last.get(event.about, (f"timer.{timer.name}", "", b""))
        if type_ != event.type or REGISTRY[type_].model_validate_json(data) != event:
            envelope = unit.emission.add(event, cause)
            last[event.about] = envelope.id, event.type, envelope.data
