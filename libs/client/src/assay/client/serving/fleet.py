"""The fleet: spreads questions over replicas, and carries answers on at another one when a replica is lost.

A replica is believed to work while it is heard; each beat names the requests that it has. What was lost on the way is
asked again from the tokens that have come: the seed makes the rest of the answer the same.
"""

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, field
from typing import Final

from pydantic import ValidationError

from assay.client.serving.flight import Flight, Lost, Question
from assay.client.serving.replica import Replica
from assay.schema.served import BUSY, FULL, MISNUMBERED, UNFIT, WORD, Beat, Piece, Told, Turned

SILENCE_S: Final = 1.0
"""Without a word for so long, a replica that carries flights is lost."""
UNHEARD_S: Final = 0.6
"""A request that no beat names for so long was lost on the way."""
LOOK_S: Final = 0.1
PATIENCE_S: Final = 30.0
"""How long a question waits for a replica that takes it."""
TRIES_MAX: Final = 8
"""So many times in a row a flight is asked for at once under another number."""
FLIGHTS_MAX: Final = 1024

log = logging.getLogger(__name__)


STOPPED: Final = Lost("serve.stopped", "This server stops: ask again, or ask another.")


class Overloaded(Exception):
    """More is asked than can be carried."""


@dataclass(eq=False)
class Fleet:
    """The replicas of one model."""

    replicas: list[Replica]
    now: Callable[[], float] = time.monotonic
    unplaced: list[Flight] = field(default_factory=list)
    is_stopped: bool = False
    avoided: set[str] = field(default_factory=set)
    """Providers that committed to other answers than they gave."""
    failed: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when no replica is to be had."""

    def fail(self, replica: Replica, reason: str) -> None:
        """Keep why a replica cannot be had; it may yet be."""
        replica.failure = reason
        if all(each.failure for each in self.replicas):
            self.failed.set()

    def stop(self) -> None:
        """Say to whoever waits for an answer that none comes any more, and to whoever asks from now on."""
        self.is_stopped = True
        for flight in (*self.unplaced, *(flight for replica in self.replicas for flight in replica.flights.values())):
            flight.lose(STOPPED)

    async def answer(self, question: Question) -> AsyncGenerator[Piece | Lost, None]:
        """The pieces of an answer as they come; the last one has a finish, or is what it was lost by.

        Raises Overloaded.
        """
        if sum(len(replica.flights) for replica in self.replicas) + len(self.unplaced) >= FLIGHTS_MAX:
            raise Overloaded
        if self.is_stopped:
            yield STOPPED
            return
        flight = Flight(question, self.now())
        await self._place(flight)
        try:
            while True:
                piece = await flight.come.get()
                yield piece
                if isinstance(piece, Lost) or piece.finish:
                    return
        finally:
            self._forget(flight)

    async def run(self) -> None:
        """Look after the flights for ever."""
        while True:
            await asyncio.sleep(LOOK_S)
            for replica in self.replicas:
                # At the end of an answer the next question may be on its way: what is owed for the rest can wait.
                await replica.settle()
                if replica.flights and self._is_lost(replica):
                    log.warning("a replica is silent: %d answers go to others", len(replica.flights))
                    await self.lose(replica)
            waiting, self.unplaced = self.unplaced, []
            for flight in waiting:
                await self._place(flight)

    async def lose(self, replica: Replica) -> None:
        """Have what a replica carried carried on by others."""
        for flight in replica.close():
            await self._place(flight)

    async def hear(self, replica: Replica, data: bytes) -> None:
        """Take what a replica says; what is no word is passed over."""
        try:
            word = WORD.validate_json(data)
        except ValidationError as error:
            log.warning("a replica said no word: %s", error.errors()[0]["msg"])
            return
        replica.heard_s, replica.is_heard, replica.failure = self.now(), True, ""
        match word:
            case Told():
                if replica.payer:
                    replica.payer.receive(word.pieces)
                for piece in word.pieces:
                    await self._land(replica, piece)
                await replica.pay()
            case Turned():
                await self._turn(replica, word)
            case Beat():
                await self._hold(replica, set(word.request_ids))
                await replica.pay(word.vouched)

    async def _land(self, replica: Replica, piece: Piece) -> None:
        flight = replica.flights.get(piece.request_id)
        if flight is None:
            return
        is_whole = flight.land(piece, self.now())
        if flight.is_over or not is_whole:
            replica.give_up(flight)
        if not is_whole:
            await self._place(flight)

    async def _turn(self, replica: Replica, word: Turned) -> None:
        flight = replica.flights.pop(word.request_id, None)
        if flight is None:
            return
        if replica.payer:
            replica.payer.turn(word.request_id)
        flight.tries += 1
        replica.is_full |= word.code == FULL
        replica.renumber(flight, word.next)
        if word.code == MISNUMBERED and flight.tries < TRIES_MAX:
            await self._ask(replica, flight)
        elif word.code in (BUSY, MISNUMBERED, FULL):
            self._wait(flight)
        else:
            flight.lose(Lost(word.code, word.detail, is_users=word.code == UNFIT))

    async def _hold(self, replica: Replica, in_hand: set[str]) -> None:
        """Ask again for what a replica should have and does not name."""
        late_s = self.now() - UNHEARD_S
        for request_id, flight in list(replica.flights.items()):
            if request_id not in in_hand and flight.asked_s < late_s:
                replica.give_up(flight)
                await self._ask(replica, flight)

    async def _place(self, flight: Flight) -> None:
        """Ask the replica that carries least; without one the flight waits."""
        ready = [replica for replica in self.replicas if replica.is_ready]
        if ready and not flight.is_over:
            await self._ask(min(ready, key=lambda replica: len(replica.flights)), flight)
        else:
            self._wait(flight)

    async def _ask(self, replica: Replica, flight: Flight) -> None:
        if not replica.is_ready or not await replica.ask(flight, self.now()):
            self._wait(flight)

    def _wait(self, flight: Flight) -> None:
        """Have a flight wait for a replica that takes it, but not for ever."""
        if flight.is_over:
            return
        if self.is_stopped:
            flight.lose(STOPPED)
        elif self.now() - max(flight.begun_s, flight.moved_s) > PATIENCE_S:
            flight.lose(Lost(BUSY, "No replica takes it now."))
        else:
            self.unplaced.append(flight)

    def _is_lost(self, replica: Replica) -> bool:
        since_s = max(replica.heard_s, min(flight.asked_s for flight in replica.flights.values()))
        return not replica.is_open or self.now() - since_s > SILENCE_S

    def _forget(self, flight: Flight) -> None:
        """What nobody waits for is written to its end where it is, and dropped here."""
        flight.is_over = True
        self.unplaced = [each for each in self.unplaced if each is not flight]
        for replica in self.replicas:
            replica.give_up(flight)
