"""What a transaction says: checked against the lives, wrapped in envelopes, written to the outbox."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from assay.bus.port import Record
from assay.runtime.lives import Lives
from assay.runtime.service import Service
from assay.runtime.telemetry import Telemetry
from assay.runtime.view import View, views_of
from assay.schema import EVENT_BYTES_MAX, Envelope, Event
from assay.schema.errors import Refused, Reject
from assay.store.transaction import Transaction


class Speech:
    """How one service speaks: under which name, what it may say, how it sees the lives."""

    def __init__(self, service: Service, telemetry: Telemetry) -> None:
        self.name, self.telemetry = service.name, telemetry
        self.publishes = frozenset(service.publishes)
        self.views: Mapping[type[Event], View] = views_of(service.moves())


class Emission:
    """The events of one transaction, in the order in which they are said."""

    def __init__(self, speech: Speech, now_ms: int) -> None:
        self.lives = Lives(speech.views)
        self.records: list[Record] = []
        self._speech, self._now_ms = speech, now_ms
        self._turns: Counter[tuple[str | None, str]] = Counter()
        self._unchecked: list[Event] = []

    def add(self, event: Event, cause: str | None, traceparent: str | None = None) -> Envelope[Event]:
        """`event` as it is said. Equal facts of one cause are told apart by their turn.

        Raises Reject for an event that the service did not declare, or that no message can hold.
        """
        if type(event) not in self._speech.publishes:
            raise Reject(f"{event.type} is not among the events that {self._speech.name} publishes.")
        turn = self._turns[cause, event.type]
        self._turns[cause, event.type] = turn + 1
        trace = self._speech.telemetry.carry(event, traceparent)
        envelope = Envelope.wrap(event, self._speech.name, self._now_ms, cause, trace, turn)
        if len(envelope.data) > EVENT_BYTES_MAX:
            raise Refused("event.oversized", f"{event.type} of {event.about}: {len(envelope.data)} bytes.")
        self._unchecked.append(event)
        self.records.append(Record(envelope.id, envelope.subject, envelope.headers(), envelope.data))
        return envelope

    def forward(self, envelope: Envelope[Any]) -> None:
        """Carries on what a participant said, as it was signed; the lives move with it when it is heard."""
        headers = envelope.headers() | {"traceparent": self._speech.telemetry.carry(envelope.event)}
        self.records.append(Record(envelope.id, envelope.subject, headers, envelope.data))

    async def check(self, tx: Transaction) -> None:
        """Moves the lives by what was said since the last check. Raises IllegalTransition."""
        if said := self._unchecked:
            self._unchecked = []
            await self.lives.load_said(tx, said)
            for event in said:
                self.lives.say(event)

    async def write(self, tx: Transaction) -> None:
        """Checks the rest, and writes lives and outbox."""
        await self.check(tx)
        await self.lives.save(tx)
        await tx.put(self.records)
