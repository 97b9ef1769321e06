"""A lease that serves, seen from the worker: requests of its callers go to the child, what becomes of them comes back.

The child is not believed more than others: it is asked no more at a time than the job allows, and what it says goes to
the caller of that very request. Callers are told several times a second which of their requests are in hand, so that
one whose request was lost, or whose provider died, turns to another soon. The child is let go on as far as the caller
vouches for it, and a step further.
"""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from typing import Final, Protocol

from pydantic import ValidationError

from assay.bus.participant import Door
from assay.bus.talk import Talk, open_talk
from assay.execution.vouching import Account
from assay.schema.errors import Refused, Retry, Unreachable
from assay.schema.lease import LeaseGranted
from assay.schema.served import ASKED, BUSY, TALK_BYTES_MAX, Beat, Piece, Request, Told, Turned, Vouched
from assay.schema.values import Role

BEAT_S: Final = 0.2
AGAIN_S: Final = 0.5
TAKING_MAX: Final = 16
"""Of more vouchers at a time the last are passed over: the next beat says which is missing."""

OpenTalk = Callable[[LeaseGranted], Awaitable[Talk]]

log = logging.getLogger(__name__)


def talks_of(door: Door, nats_url: str) -> OpenTalk:
    """How the talk of a lease is opened: the gateway is asked for this side's credentials."""

    async def open_one(granted: LeaseGranted) -> Talk:
        answer = await door.ask("talk", {"job_id": granted.job_id})
        if answer["lease_id"] != granted.lease_id:
            raise Refused("lease.unknown", "The job has another lease.")
        return await open_talk(nats_url, answer["creds"], granted.lease_id, Role.PROVIDER)

    return open_one


class Child(Protocol):
    """What answers requests."""

    def ask(self, request: Request) -> None: ...

    def allow(self, tokens: int) -> None: ...


class Serving:
    """The requests of one lease that are in hand, each with its caller: `rows` at a time, and `waiting` besides."""

    def __init__(self, rows: int, waiting: int, child: Child, account: Account) -> None:
        self._rows, self._room, self._child, self._account = rows, rows + waiting, child, account
        self._callers: dict[str, str] = {}
        self._talk: Talk | None = None
        self._allowed = 0
        self.taking: set[asyncio.Task[None]] = set()
        """The vouchers on their way to the disk, for which no request waits."""
        self._allow()

    async def run(self, open_one: Callable[[], Awaitable[Talk]]) -> None:
        """Serve until it is cancelled; a way that is blocked is tried again. Raises Unvouched."""
        talk = await patiently(open_one)
        try:
            await talk.hear(self.on_asked)
            self._talk = talk
            while True:
                await self._beat()
                # While the way is blocked nobody can be blamed.
                self._account.look(self._next_tokens if talk.is_open else 0)
                await asyncio.sleep(BEAT_S)
        finally:
            self._talk = None
            await talk.close()

    async def on_asked(self, caller: str, data: bytes) -> None:
        """Take a request to the child, a voucher soon to the account. To nothing a beat is the answer."""
        if not data:
            own = (request_id for request_id, whose in self._callers.items() if whose == caller)
            await self._say(caller, self._beat_of(own))
            return
        try:
            said = ASKED.validate_json(data) if len(data) <= TALK_BYTES_MAX else None
        except ValidationError:
            said = None
        # What is neither is nobody's.
        if isinstance(said, Vouched):
            if len(self.taking) < TAKING_MAX:
                taking = asyncio.create_task(self._take_voucher(said))
                self.taking.add(taking)
                taking.add_done_callback(self.taking.discard)
        elif said:
            await self._take(caller, said)

    async def _take_voucher(self, vouched: Vouched) -> None:
        await self._account.take(vouched)
        self._allow()

    def close(self) -> None:
        """One more segment is closed."""
        self._account.till = self._account.till.close()
        self._allow()

    async def _take(self, caller: str, request: Request) -> None:
        """Take a request to the child, unless it is in hand; turn it away if too many are."""
        if request.request_id in self._callers:
            return
        if len(self._callers) >= self._room:
            await self._say(caller, Turned(request_id=request.request_id, code=BUSY))
            return
        self._callers[request.request_id] = caller
        self._child.ask(request)

    def _allow(self) -> None:
        """Let the child go on."""
        if self._account.allowed > self._allowed:
            self._allowed = self._account.allowed
            self._child.allow(self._allowed)

    async def tell(self, word: Told | Turned) -> None:
        """Pass on what the child says, to those whom it concerns. Raises Reject if it is more than was allowed."""
        if isinstance(word, Turned):
            if caller := self._callers.pop(word.request_id, None):
                await self._say(caller, word)
            return
        self._account.till = self._account.till.deliver(len(word.pieces))
        told: defaultdict[str, list[Piece]] = defaultdict(list)
        for piece in word.pieces:
            if caller := self._callers.get(piece.request_id):
                told[caller].append(piece)
                if piece.finish:
                    del self._callers[piece.request_id]
        for caller, pieces in told.items():
            await self._say(caller, Told(pieces=tuple(pieces)))

    async def _beat(self) -> None:
        in_hand: defaultdict[str, list[str]] = defaultdict(list)
        for request_id, caller in self._callers.items():
            in_hand[caller].append(request_id)
        for caller, request_ids in in_hand.items():
            await self._say(caller, self._beat_of(request_ids))

    def _beat_of(self, request_ids: Iterable[str]) -> Beat:
        """What a caller is told of its requests."""
        paused = self._account.pause(self._next_tokens)
        return Beat(request_ids=tuple(request_ids), vouched=self._account.till.vouched, code=paused)

    @property
    def _next_tokens(self) -> int:
        """How many tokens the child's next step writes, at most."""
        return min(self._rows, len(self._callers))

    async def _say(self, caller: str, word: Told | Turned | Beat) -> None:
        if self._talk:
            with suppress(Retry, Unreachable):
                await self._talk.say(word.model_dump_json().encode(), caller)


async def patiently(open_one: Callable[[], Awaitable[Talk]]) -> Talk:
    """The talk, however long the way to it is blocked."""
    while True:
        try:
            return await open_one()
        except (Retry, Unreachable, Refused) as error:
            log.warning("no talk yet: %s", error)
            await asyncio.sleep(AGAIN_S)
