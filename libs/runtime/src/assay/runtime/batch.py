"""One batch in one transaction: take what is new, hear it, say what follows, commit."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from assay.bus.port import Message
from assay.runtime.context import Context
from assay.runtime.emission import Emission
from assay.runtime.view import Place
from assay.schema import Envelope, Event
from assay.schema.errors import Retry
from assay.store.transaction import Transaction


@dataclass(frozen=True, slots=True)
class Heard:
    """A message and the envelope that it is."""

    message: Message
    said: Envelope[Event]


@dataclass(slots=True)
class Outcome:
    """What became of a batch. `at` is the event in hand: where the handling failed, that one is at fault."""

    at: int | None = None
    handled: list[str] = field(default_factory=list)
    behind: list[str] = field(default_factory=list)
    repeated: int = 0
    handler_s: float = 0.0


async def handle_batch(ctx: Context, batch: Sequence[Heard]) -> Outcome:
    """Commits the effects of a batch, all or none. Raises Failed."""
    outcome = Outcome()
    try:
        async with ctx.store.transaction() as tx:
            fresh = await tx.take(heard.said.id for heard in batch)
            await handle_fresh(ctx, tx, batch, fresh, outcome)
    except Exception as error:
        raise Failed(outcome.at, error) from error
    return outcome


class Failed(Exception):
    """A batch that came to nothing; `at` is the place of the event at fault, if it was a single one."""

    def __init__(self, at: int | None, error: Exception) -> None:
        self.at, self.error = at, error
        super().__init__(str(error))


async def handle_fresh(
    ctx: Context, tx: Transaction, batch: Sequence[Heard], fresh: set[str], outcome: Outcome
) -> None:
    """Handles those of a batch whose ids are `fresh`, and writes what follows from them."""
    now_ms = ctx.now()
    emission = Emission(ctx.speech, now_ms)
    events = [heard.said.event for heard in batch if heard.said.id in fresh]
    await emission.lives.load(tx, events)
    ports = ctx.service.ports(tx, ctx)
    if ctx.service.prepare:
        await ctx.service.prepare(ports, events)
    started_s = time.perf_counter()
    for outcome.at, heard in enumerate(batch):
        if heard.said.id in fresh:
            fresh.discard(heard.said.id)
            await _hear(ctx, tx, emission, ports, heard.said, now_ms, outcome)
        else:
            outcome.repeated += 1
    outcome.at = None
    await ctx.flush(ports)
    outcome.handler_s = time.perf_counter() - started_s
    await emission.write(tx)


async def _hear(
    ctx: Context, tx: Transaction, emission: Emission, ports: object, said: Envelope[Event], now_ms: int, out: Outcome
) -> None:
    match emission.lives.hear(said.event):
        case Place.BEHIND if not ctx.service.hears_late:
            out.behind.append(said.event.type)
        case Place.AHEAD:
            raise Retry(f"{said.event.type} of {said.event.about} came before the events that lead to it.")
        case Place.NEXT | Place.BEHIND:
            await _handle(ctx, emission, ports, said, now_ms)
            await emission.check(tx)
            out.handled.append(said.event.type)


async def _handle(ctx: Context, emission: Emission, ports: object, said: Envelope[Event], now_ms: int) -> None:
    handler = ctx.service.handlers[type(said.event)]
    if ctx.telemetry.is_traced(said.traceparent):
        with ctx.telemetry.handled(said) as trace:
            events = await handler(said, ports, now_ms)
    else:
        events, trace = await handler(said, ports, now_ms), said.traceparent
    for event in events:
        emission.add(event, said.id, traceparent=trace)
