"""A party of a dispute: it stands by what its own machine finds, and moves whenever it is its turn.

What it has heard is kept in its journal, what it says as well, before either counts: a restart at any moment neither
loses a move nor makes two. It keeps no state besides: what the dispute has come to follows from what was heard.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Final, Protocol

from assay.proof.court import Dispute, Party, Signed, Terms, advance, read, read_move, sign_move, summon
from assay.proof.court.holding import Holding
from assay.proof.court.moves import Move
from assay.proof.court.wire import pack, unpack
from assay.proof.keys import Key
from assay.schema.dispute import (
    DisputeAccepted,
    DisputeAppealed,
    DisputeContested,
    DisputeDecided,
    DisputeFact,
    DisputeLodged,
    DisputeObjected,
    DisputePleaded,
    DisputePressed,
    DisputeRefused,
    DisputeRuled,
    DisputeWay,
)
from assay.schema.errors import REFUSALS, AssayError, Refused
from assay.schema.event import Event
from assay.workloads.court.matter import Judgeable, Matter, hold
from assay.workloads.errors import WorkloadError
from assay.workloads.workload import Inputs

AGAIN_S: Final = 1.0
TRIES: Final = 5

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Brief:
    """What a party has to go by: the segment as the court takes it, and the checkpoint before it."""

    matter: Matter
    before: bytes


def brief_of(work: Any, params: Any, inputs: Inputs, segment: int, before: bytes | None) -> Brief:
    """What a party has to go by; without a checkpoint the segment begins with the job's start. Raises WorkloadError."""
    assert isinstance(work, Judgeable)
    return Brief(work.matter(params, inputs, segment), before if before is not None else work.start(params, inputs))


class Notes(Protocol):
    """What was heard."""

    def note(self, event: DisputeFact) -> None: ...
    def heard(self, dispute_id: str) -> list[Event]: ...
    def open(self) -> list[str]: ...


@dataclass
class Litigant:
    """One party. `say` journals and sends; `said` is what it said of a dispute; `brief` fetches what it goes by.

    `evidence` names the blob of the state that it stands by, for an appeal.
    """

    party: ClassVar[Party]
    appeal: ClassVar[type[DisputeAppealed] | type[DisputeObjected]]
    own_id: str
    key: Key
    notes: Notes
    say: Callable[[Event], None]
    said: Callable[[str], Sequence[Event]]
    brief: Callable[[DisputeLodged], Awaitable[Brief]]
    evidence: Callable[[DisputeLodged], str | None] | None = None
    _holdings: dict[str, Holding] = field(default_factory=dict)
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    def hear(self, event: Event) -> bool:
        """Whether the event is of a dispute of one's own; it is kept then, and `act` is due."""
        if not isinstance(event, DisputeFact) or self.own_id not in (event.provider, event.verifier):
            return False
        self.notes.note(event)
        if isinstance(event, DisputeRefused) and event.party == self.own_id:
            log.error("counts for nothing: %s", REFUSALS[event.code], extra={"dispute": event.dispute_id})
        return True

    async def act(self, dispute_id: str) -> None:
        """Do what is to be done in a dispute now."""
        async with self._turn:
            heard = self.notes.heard(dispute_id)
            lodged = next((event for event in heard if isinstance(event, DisputeLodged)), None)
            if lodged is None or any(isinstance(event, DisputeRuled | DisputeAccepted) for event in heard):
                self._holdings.pop(dispute_id, None)
                return
            for left in reversed(range(TRIES)):
                try:
                    return await self._act(lodged, heard)
                except (AssayError, WorkloadError) as error:
                    log.warning("a dispute waits: %s", error, extra={"dispute": dispute_id})
                    if not left:
                        return
                await asyncio.sleep(AGAIN_S)

    async def _act(self, lodged: DisputeLodged, heard: Sequence[Event]) -> None:
        if lodged.way is not DisputeWay.COURT:
            await self._stand(lodged)
            return self._appeal(lodged, heard)
        dispute, last = follow(lodged, heard)
        if dispute.is_over or dispute.turn is not self.party or self._has_moved(lodged.dispute_id, dispute):
            return
        holding = await self._hold(lodged)
        move = await asyncio.to_thread(self.choose, holding, dispute, last.move if last else None)
        if move is None:
            return self.give_in(lodged)
        signed = await asyncio.to_thread(sign_move, self.key, dispute.terms, dispute.last, move)
        self.say(self.event_of(lodged, pack(signed), dispute))
        log.info("moved: %s", type(move).__name__, extra={"dispute": lodged.dispute_id})

    def choose(self, holding: Holding, dispute: Dispute, last: Move | None) -> Move | None:
        """The move that follows from what this party holds."""
        return holding.move(dispute, last)

    def give_in(self, lodged: DisputeLodged) -> None:
        """Say nothing: there is nothing to stand by."""

    async def _stand(self, lodged: DisputeLodged) -> None:
        """What to do where there are no moves: nothing, for whoever answered once."""

    def _appeal(self, lodged: DisputeLodged, heard: Sequence[Event]) -> None:
        """Appeal once what verifiers decided against this party, if it still has the state that it stands by."""
        decided = next((event for event in heard if isinstance(event, DisputeDecided)), None)
        has_appealed = any(isinstance(event, self.appeal) for event in self.said(lodged.dispute_id))
        if decided is None or has_appealed or self.own_id not in decided.at_fault or self.evidence is None:
            return
        if (evidence := self.evidence(lodged)) is not None:
            self.say(self.appeal(**parties(lodged), evidence=evidence))

    def event_of(self, lodged: DisputeLodged, move: str, dispute: Dispute) -> Event:
        """The statement that carries a move."""
        raise NotImplementedError

    async def _hold(self, lodged: DisputeLodged) -> Holding:
        if lodged.dispute_id not in self._holdings:
            brief = await self.brief(lodged)
            if brief.matter.program.root != read(Terms, unpack(lodged.terms)).record.program:
                raise Refused("court.terms", "Other versions run here: they make another program.")
            holding = await asyncio.to_thread(hold, brief.matter, self.key, brief.before)
            self._holdings[lodged.dispute_id] = holding
        return self._holdings[lodged.dispute_id]

    def _has_moved(self, dispute_id: str, dispute: Dispute) -> bool:
        """Whether the awaited move is on its way already."""
        return any(move is not None and move.follows(dispute.last) for move in map(move_in, self.said(dispute_id)))


@dataclass
class Defendant(Litigant):
    """The provider: contests if its segment, run again, is what it claimed, and gives in otherwise."""

    party = Party.WORKER
    appeal = DisputeAppealed
    confirms: Callable[[DisputeLodged], Awaitable[bool]] | None = None

    def choose(self, holding: Holding, dispute: Dispute, last: Move | None) -> Move | None:
        """Its move; none at the start, if it finds its own claim false."""
        is_start = last is None
        if is_start and holding.states[-1] != dispute.terms.record.claimed:
            return None
        return super().choose(holding, dispute, last)

    def give_in(self, lodged: DisputeLodged) -> None:
        """Admit it."""
        if not self.said(lodged.dispute_id):
            self.say(DisputeAccepted(**parties(lodged)))

    async def _stand(self, lodged: DisputeLodged) -> None:
        if self.said(lodged.dispute_id) or self.confirms is None:
            return
        if await self.confirms(lodged):
            self.say(DisputeContested(**parties(lodged)))
        else:
            self.give_in(lodged)

    def event_of(self, lodged: DisputeLodged, move: str, dispute: Dispute) -> Event:
        """The contest first, then one plea after the other."""
        kind = DisputePleaded if dispute.last != dispute.terms.id else DisputeContested
        return kind(**parties(lodged), move=move)


@dataclass
class Challenger(Litigant):
    """The verifier whose answer was decisive."""

    party = Party.CHALLENGER
    appeal = DisputeObjected

    def event_of(self, lodged: DisputeLodged, move: str, dispute: Dispute) -> Event:
        """Every move presses the case."""
        return DisputePressed(**parties(lodged), move=move)


def follow(lodged: DisputeLodged, heard: Sequence[Event]) -> tuple[Dispute, Signed | None]:
    """What a dispute has come to by what was heard, and the last move that counted; deadlines are the clerk's."""
    terms = read(Terms, unpack(lodged.terms))
    dispute, last = summon(terms.record, terms, 0), None
    for event in heard:
        if (signed := move_in(event)) is not None:
            try:
                dispute, last = advance(dispute, signed, dispute.deadline_s), signed
            except Refused as refusal:
                log.info("a move that does not count: %s", refusal)
    return dispute, last


def move_in(event: Event) -> Signed | None:
    """The move that an event carries, if it carries one."""
    if not isinstance(event, DisputeContested | DisputePleaded | DisputePressed) or not event.move:
        return None
    try:
        return read_move(unpack(event.move))
    except (Refused, ValueError):
        return None


def parties(lodged: DisputeLodged) -> dict[str, str]:
    """What every event of a dispute names."""
    return {"dispute_id": lodged.dispute_id, "provider": lodged.provider, "verifier": lodged.verifier}
