"""What a participant says: signed, journalled, then carried to the gateway in order until it is taken."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import TypeAlias

from assay.bus.participant import Door
from assay.proof.eip712 import Domain
from assay.proof.keys import Key
from assay.proof.statement import sign_event
from assay.schema.errors import Refused, Retry, Unreachable
from assay.schema.event import Envelope, Event
from assay.store.journal import Journal

RETRY_S = 0.5
PAGE = 256
TAKEN = "event.replayed"
LATER = ("event.ahead", "rate.exceeded")

Waiting: TypeAlias = tuple[int, Envelope[Event]]
Answered: TypeAlias = tuple[int, Event, Refused | None]

log = logging.getLogger(__name__)


class Outgoing:
    """A participant's side of delivery: the journal is the truth, the bus carries it from a cursor."""

    def __init__(
        self, journal: Journal, door: Door, key: Key, domain: Domain, source: str, now: Callable[[], int]
    ) -> None:
        self._journal, self._door = journal, door
        self._key, self._domain, self._source, self._now = key, domain, source, now
        self._wake = asyncio.Event()
        self._carried = asyncio.Event()
        self._latest = 0
        self.on_refused: Callable[[Event, str], None] = lambda event, code: None
        self.on_told: Callable[[Event], None] = lambda event: None
        """Called with each statement as soon as the gateway has it on disk, or has refused it for good."""

    def say(self, event: Event) -> None:
        """Sign and journal `event`; it is sent, once it is on disk, after all that was said before."""
        self._latest = self._journal.append(sign_event(self._key, self._domain, event, self._source, self._now()))
        self._wake.set()

    @property
    def is_clear(self) -> bool:
        """Whether everything said until now is taken or refused."""
        return not self._journal.unsent(1)

    async def run(self) -> None:
        """Carry the journal to the gateway for ever."""
        while True:
            self._wake.clear()
            is_clear = await self._carry()
            self._carried.set()
            self._carried = asyncio.Event()
            if not is_clear:
                await asyncio.sleep(RETRY_S)
            elif self.is_clear:
                await self._wake.wait()

    async def flush(self) -> None:
        """Return when everything said until now is taken or refused."""
        latest = self._latest
        while (left := self._journal.unsent(1)) and left[0][0] <= latest:
            await self._carried.wait()

    async def _carry(self) -> bool:
        """Whether all that was waiting is taken or refused; False if the way is blocked for now."""
        waiting = self._journal.unsent(PAGE)
        # What is said of one thing keeps its order; what is said of others need not wait for it.
        by_about: dict[str, list[Waiting]] = {}
        for sequence, envelope in waiting:
            by_about.setdefault(envelope.event.about, []).append((sequence, envelope))
        told: list[Answered] = []
        if waiting:
            await asyncio.to_thread(self._journal.sync)
        try:
            await asyncio.gather(*(self._tell(statements, told) for statements in by_about.values()))
        finally:
            with self._journal.transaction():
                for sequence, event, refusal in told:
                    self._note(sequence, event, refusal)
        for _, event, refusal in told:
            if refusal:
                self.on_refused(event, refusal.code)
        return len(told) == len(waiting)

    async def _tell(self, waiting: Sequence[Waiting], told: list[Answered]) -> None:
        """Tell these statements one after the other, up to the first that cannot be told now."""
        for sequence, envelope in waiting:
            refused = None
            try:
                await self._door.tell(envelope)
            except Refused as refusal:
                if refusal.code in LATER:
                    return
                refused = None if refusal.code == TAKEN else refusal
            except (Unreachable, Retry):
                return
            told.append((sequence, envelope.event, refused))
            self.on_told(envelope.event)

    def _note(self, sequence: int, event: Event, refusal: Refused | None) -> None:
        if refusal is None:
            self._journal.mark_sent(sequence)
            return
        log.warning("refused: %s", refusal, extra={"event_type": event.type, "about": event.about})
        self._journal.mark_refused(sequence, refusal.code)
