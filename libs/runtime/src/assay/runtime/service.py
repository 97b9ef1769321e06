"""What a service is to its shell: tables of handlers, timers, tasks and questions."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from assay.schema import LIVES, STREAMS, Envelope, Event, stream_of
from assay.schema.streams import DEAD
from assay.schema.values import Role

if TYPE_CHECKING:
    from assay.runtime.context import Context
    from assay.store.transaction import Transaction

Ports: TypeAlias = Any
"""What a service's handlers reach the world through: a frozen dataclass of its own, made for one transaction."""

Handler: TypeAlias = Callable[[Envelope[Any], Any, int], Awaitable[list[Event]]]
"""`on_<event>(said, ports, now_ms)` returns the events that follow. Raises Retry (come again) or Reject (never)."""

Task: TypeAlias = Callable[["Context"], Awaitable[None]]
"""Runs for as long as the process; returns once `context.stopping` is set. An exception ends the process."""

Question: TypeAlias = Callable[["Context", dict[str, Any]], Awaitable[dict[str, Any]]]
"""Answers one question. Raises Refused for what may not be asked."""


@dataclass(frozen=True, slots=True)
class Timer:
    """Work that comes again each `every_s` seconds, in a transaction, on one replica at a time.

    What `run` returns is emitted, but for an event that says again just what was last said of the same aggregate.
    """

    name: str
    every_s: float
    run: Callable[[Any, int], Awaitable[list[Event]]]


@dataclass(frozen=True, slots=True)
class Service:
    """One service. `publishes` is declared: permissions and documents derive from it, and the shell holds to it.

    `prepare` reads into the ports, at once, what the handlers of a batch will ask for; `flush` writes, once before each
    commit, what they have gathered there. So a batch costs the statements of one event.
    With `hears_late` the handlers are also given an event that its aggregate has gone past, as after a redelivery: for
    services that keep what is said rather than follow it. The aggregate stays where it is.
    `problem` says why not all of its work can be done at this moment; empty if it can.
    """

    role: Role
    handlers: Mapping[type[Event], Handler]
    migrations: Path
    ports: "Callable[[Transaction, Context], Any]"
    publishes: tuple[type[Event], ...] = ()
    timers: tuple[Timer, ...] = ()
    tasks: tuple[Task, ...] = ()
    questions: Mapping[str, Question] = field(default_factory=dict)
    prepare: "Callable[[Any, Sequence[Event]], Awaitable[None]] | None" = None
    flush: Callable[[Any], Awaitable[None]] | None = None
    hears_late: bool = False
    problem: "Callable[[Context], Awaitable[str]] | None" = None

    @property
    def name(self) -> str:
        """The service's name: schema, role, durables and metrics are called after it."""
        return self.role.value

    def consumed(self) -> dict[str, list[type[Event]]]:
        """The handled events of each stream that has any, by the stream's name."""
        by_stream: dict[str, list[type[Event]]] = {stream.name: [] for stream in STREAMS}
        for event in self.handlers:
            by_stream[stream_of(event).name].append(event)
        return {name: events for name, events in by_stream.items() if events}

    def written(self) -> list[str]:
        """The names of the streams that its outbox fills: a full one stops it, that of the dead letters too."""
        return sorted({DEAD.name, *(stream_of(event).name for event in self.publishes)})

    def moves(self) -> frozenset[type[Event]]:
        """The events of a life that this service sees, whether it hears them or says them."""
        known = {move.event for life in LIVES.values() for move in life.moves}
        return frozenset(known & {*self.handlers, *self.publishes})
