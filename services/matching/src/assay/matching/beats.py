"""Heartbeats: hears every provider, the leases that each works on, the gateway's pulse, and which lines were closed.

Whoever falls silent is looked at in that moment: the next round of the timer may be a second away.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Final, NamedTuple

from assay.bus.port import Message
from assay.matching.liveness import Liveness
from assay.matching.settings import patience_of
from assay.matching.watch import lapse_overdue
from assay.runtime import Context, Timer
from assay.runtime.timers import run_now
from assay.store.waiting import wait_for_either

BEATS: Final = "assay.beat.*"
LOST_LINES: Final = "assay.lost.*"
GATEWAY: Final = "gateway"
LOOK_S: Final = 1.0
LOOK_LEAST_S: Final = 0.1
"""Whoever beats, or stops, is a stranger, and each look reads all open leases: however many fall silent in turn."""
AT_ONCE: Final = Timer("lapse_at_once", LOOK_LEAST_S, lapse_overdue)


def listener(liveness: Liveness) -> Callable[[Context], Awaitable[None]]:
    """The task that keeps `liveness`: every replica hears everything, for silence is what it did not hear itself."""

    async def hear(context: Context) -> None:
        closed = asyncio.Event()

        async def on_beat(message: Message) -> None:
            speaker = message.subject.rpartition(".")[2]
            if speaker == GATEWAY:
                liveness.pulse(context.now())
            else:
                said = said_of(message.data)
                liveness.hear(speaker, said.leases, context.now(), said.line)

        async def on_lost(message: Message) -> None:
            provider, line = message.subject.rpartition(".")[2], message.data.decode(errors="replace")
            if liveness.lines.close(provider, line, context.now()):
                closed.set()

        subscriptions = [await context.bus.listen(BEATS, on_beat), await context.bus.listen(LOST_LINES, on_lost)]
        try:
            while not context.stopping.is_set():
                await wait_for_either(context.stopping, closed, wait_s(liveness, context))
                closed.clear()
                if liveness.look(context.now(), patience_of(context)):
                    await run_now(context, AT_ONCE)
        finally:
            for subscription in subscriptions:
                await subscription.close()

    return hear


def wait_s(liveness: Liveness, context: Context) -> float:
    """How long until somebody can be silent for too long."""
    now_ms = context.now()
    due_ms = liveness.next_ms(now_ms, patience_of(context))
    return LOOK_S if due_ms is None else min(LOOK_S, max(LOOK_LEAST_S, (due_ms - now_ms) / 1000))


class Said(NamedTuple):
    """What a heartbeat says: the leases and spares that its provider works on, and the line over which it is heard."""

    leases: list[str]
    line: str


def said_of(data: bytes) -> Said:
    """What a heartbeat says; one that cannot be read names nothing."""
    try:
        said = json.loads(data)
        leases, spares, line = said["leases"], said.get("spares", []), said.get("line", "")
    except (ValueError, KeyError, TypeError, AttributeError):
        return Said([], "")
    is_whole = isinstance(leases, dict) and isinstance(spares, list) and isinstance(line, str)
    return Said([*leases, *spares], line) if is_whole else Said([], "")
