"""Heartbeats: hears every provider, the leases that each works on, and the gateway's pulse."""

import json
from collections.abc import Awaitable, Callable
from typing import Final

from assay.bus.port import Message
from assay.matching.liveness import Liveness
from assay.matching.settings import patience_of
from assay.runtime import Context
from assay.store.waiting import wait_for_event

BEATS: Final = "assay.beat.*"
GATEWAY: Final = "gateway"
LOOK_S: Final = 1.0


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
            while not await wait_for_event(context.stopping, LOOK_S):
                liveness.look(context.now(), patience_of(context).lapse_ms)
        finally:
            await subscription.close()

    return hear


def leases_of(data: bytes) -> list[str]:
    """The ids of the leases and spares that a heartbeat names; of one that cannot be read, none."""
    try:
        said = json.loads(data)
        leases, spares = said["leases"], said.get("spares", [])
    except (ValueError, KeyError, TypeError, AttributeError):
        return []
    return [*leases, *spares] if isinstance(leases, dict) and isinstance(spares, list) else []
