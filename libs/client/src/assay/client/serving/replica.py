"""One replica: a job that serves, with the talk of the lease that it has now, and the flights that it carries."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Protocol

from assay.client.serving.flight import Flight, fresh_id
from assay.client.serving.payer import Payer
from assay.proof.keys import Key
from assay.proof.served import sign_request
from assay.schema.errors import Retry, Unreachable
from assay.schema.served import Request


class Way(Protocol):
    """The talk of a lease, as a caller has it."""

    @property
    def is_open(self) -> bool: ...

    async def say(self, data: bytes, caller: str) -> None: ...


@dataclass(eq=False)
class Replica:
    """`name` and `key` are those by which its job knows its requests. It is ready while it has a way."""

    name: str
    key: Key
    caller: str
    way: Way | None = None
    payer: Payer | None = None
    """What is owed for the lease that it has, or had last."""
    number: int = 0
    turn: int = 0
    heard_s: float = 0.0
    is_heard: bool = False
    """Whether a word came by this way."""
    is_full: bool = False
    """Whether its job has all the requests that it answers."""
    failure: str = ""
    """Why it cannot be had, if it was tried in vain."""
    flights: dict[str, Flight] = field(default_factory=dict)

    @property
    def is_open(self) -> bool:
        """Whether words reach it."""
        return self.way is not None and self.way.is_open

    @property
    def is_ready(self) -> bool:
        """Whether it can be asked for more."""
        return self.is_open and self.is_heard and not self.is_full

    def open(self, way: Way, payer: Payer, now_s: float) -> None:
        """Take a new way, over which nothing was heard yet; which number comes next is not known and soon told."""
        self.way, self.payer, self.number, self.heard_s = way, payer, 0, now_s
        self.is_heard, self.is_full = False, False

    def close(self) -> list[Flight]:
        """Be ready no more; return the flights that it carried."""
        carried, self.flights, self.way = list(self.flights.values()), {}, None
        if self.payer:
            self.payer.words.loosen()
        return carried

    async def ask(self, flight: Flight, now_s: float) -> bool:
        """Ask for (the rest of) an answer; whether the question has gone out."""
        payload, number = flight.payload(), self.number
        signature = sign_request(self.key, self.name, number, payload)
        request = Request(request_id=fresh_id(), number=number, payload=payload, signature=signature)
        assert self.way is not None and self.payer is not None
        flight.request_id, flight.number, flight.turn, flight.asked_s = request.request_id, number, self.turn, now_s
        self.number += 1
        self.flights[flight.request_id] = flight
        self.payer.ask(flight.request_id, number, flight.texts, flight.question.max_tokens)
        try:
            await self.way.say(request.model_dump_json().encode(), self.caller)
        except (Retry, Unreachable):
            del self.flights[flight.request_id]
            return False
        return True

    async def pay(self, vouched: int | None = None) -> None:
        """Vouch for what was received if it is time, or the provider holds too little.

        So a voucher that is lost on the way is told again at the next beat, which says what it holds.
        """
        if self.payer is None or not self._is_due(self.payer, vouched):
            return
        # The tokens that have come go out first: a signature takes as long as all else that is done for them. They are
        # written in the loop's next turn, and uvloop sends them at its end.
        for _ in range(2):
            await asyncio.sleep(0)
        if self.way and (voucher := self.payer.vouch()):
            with suppress(Retry, Unreachable):
                await self.way.say(voucher.model_dump_json().encode(), self.caller)

    def _is_due(self, payer: Payer, vouched: int | None) -> bool:
        is_told = vouched is not None and vouched < payer.purse.received
        return is_told or payer.purse.is_due

    async def settle(self) -> None:
        """Vouch for all that was received, if nothing more is to come."""
        if self.payer and self.payer.owes and not self.flights and self.is_open:
            await self.pay(self.payer.purse.vouched)

    def give_up(self, flight: Flight) -> None:
        """Carry a flight no more."""
        self.flights.pop(flight.request_id, None)

    def renumber(self, flight: Flight, next_number: int | None) -> None:
        """Set right which number comes next, after a flight was turned away; once for all that were asked before."""
        if flight.turn == self.turn:
            self.turn += 1
            self.number = next_number if next_number is not None else flight.number
