"""Heartbeats: hears every provider and the gateway's pulse, and writes once a second who was heard."""

from collections.abc import Awaitable, Callable
from typing import Final

from assay.bus.port import Message
from assay.discovery.domain import Pulse
from assay.runtime import Context
from assay.schema.errors import Retry, Unreachable
from assay.store.waiting import wait_for_event

BEATS: Final = "assay.beat.*"
GATEWAY: Final = "gateway"
WRITE_S: Final = 1.0


def listener(pulse: Pulse) -> Callable[[Context], Awaitable[None]]:
    """The task that keeps `pulse` and the time at which each provider was heard last."""

    async def hear(context: Context) -> None:
        heard: dict[str, int] = {}

        async def on_beat(message: Message) -> None:
            speaker = message.subject.rpartition(".")[2]
            if speaker == GATEWAY:
                pulse.beat(context.now())
            else:
                heard[speaker] = context.now()

        subscription = await context.bus.listen(BEATS, on_beat)
        try:
            while not await wait_for_event(context.stopping, WRITE_S):
                await write(context, heard)
        finally:
            await subscription.close()

    return hear


async def write(context: Context, heard: dict[str, int]) -> None:
    """Empties `heard` into the table, in one statement; what cannot be written now comes with a later beat."""
    if not heard:
        return
    beats = dict(heard)
    heard.clear()
    try:
        async with context.unit() as unit:
            await unit.ports.registry.heard(beats)
    except (Retry, Unreachable):
        heard.update(beats | heard)
