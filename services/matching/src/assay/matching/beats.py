"""Heartbeats: hears every provider, the leases that each works on, and the gateway's pulse.

Whoever falls silent is looked at in that moment: the next round of the timer may be a second away.
"""

import json
from collections.abc import Awaitable, Callable
from typing import Final

from assay.bus.port import Message
from assay.matching.liveness import Liveness
from assay.matching.settings import patience_of
from assay.matching.watch import lapse_overdue
from assay.runtime import Context, Timer
from assay.runtime.timers import run_now
from assay.store.waiting import wait_for_event

BEATS: Final = "assay.beat.*"
GATEWAY: Final = "gateway"
LOOK_S: Final = 1.0
LOOK_LEAST_S: Final = 0.1
"""Whoever beats, or stops, is a stranger, and each look reads all open leases: however many fall silent in turn."""
AT_ONCE: Final = Timer("lapse_at_once", LOOK_LEAST_S, lapse_overdue)


def listener(liveness: Liveness) -> Callable[[Context], Awaitable[None]]:
    """The task that keeps `liveness`: every replica hears everything, for silence is what it did not hear itself."""

    async def hear(context: Context) -> None:
        async def on_beat(message: Message) -> None:
            speaker = message.subject.rpartition(".")[2]
            if speaker == GATEWAY:
                liveness.pulse(context.now())
            else:
                liveness.hear(speaker, leases_of(message.data), context.now())

        subscription = await context.bus.listen(BEATS, on_beat)
        try:
            while not await wait_for_event(context.stopping, wait_s(liveness, context)):
                if liveness.look(context.now(), patience_of(context).lapse_ms):
                    await run_now(context, AT_ONCE)
        finally:
            await subscription.close()

    return hear


def wait_s(liveness: Liveness, context: Context) -> float:
    """How long until somebody can be silent for too long."""
    now_ms = context.now()
    due_ms = liveness.next_ms(now_ms, patience_of(context).lapse_ms)
    return LOOK_S if due_ms is None else min(LOOK_S, max(LOOK_LEAST_S, (due_ms - now_ms) / 1000))


def leases_of(data: bytes) -> list[str]:
    """The ids of the leases and spares that a heartbeat names; of one that cannot be read, none."""
    try:
        said = json.loads(data)
        leases, spares = said["leases"], said.get("spares", [])
    except (ValueError, KeyError, TypeError, AttributeError):
        return []
    return [*leases, *spares] if isinstance(leases, dict) and isinstance(spares, list) else []
