"""A trace of which one operator is called false: a drawn committee measures that one, and most of it decides."""

from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import ValidationError
from services.verification.tests.court import Court, silent
from services.verification.tests.samples import Work, party
from services.verification.tests.test_disputes import accused, claimed_blob, pass_deadlines
from services.verification.tests.test_traces import FALSE, FALSE_AT, HOLDS, WRONG

from assay.chain import ChainUnreachable
from assay.proof.committee import BETWEEN, BEYOND_MILLI, WITHIN_MILLI
from assay.schema.audit import AuditAssigned
from assay.schema.dispute import (
    DisputeAppealed,
    DisputeContested,
    DisputeLodged,
    DisputeObjected,
    DisputePleaded,
    DisputePressed,
    DisputeRuled,
)
from assay.schema.errors import Unreachable
from assay.schema.lease import TIE, SlashReason
from assay.schema.values import DISPUTE_BOND, OperatorPlace
from assay.verification.blocks import Blocks
from assay.verification.domain.dispute import HEARD_S, MOVES_MAX, lasts_s_max
from assay.verification.methods import trace
from assay.verification.methods.trace import place_in, tell_operator
from assay.verification.queries import disputes
from assay.verification.settings import Settings
from assay.verification.steps import appealing
from assay.workloads.court.litigant import parties
from assay.workloads.tracing import TraceReading

pytestmark = pytest.mark.server

AT = OperatorPlace(step=FALSE_AT[0], number=FALSE_AT[1])
MILLI = {"w": WITHIN_MILLI, "x": WITHIN_MILLI + 1, "f": BEYOND_MILLI + 1}
FIRST = {"a": WRONG, "h": HOLDS, "o": WRONG.model_copy(update={"operator": 9})}
FIRST["g"] = WRONG.model_copy(update={"operator": 8, "noise_milli": 1})


def reading_of(letter: str) -> TraceReading:
    """What is said: wrong there (a), elsewhere (o), it holds (h); or how far the operator is off, or another (g)."""
    if letter in FIRST:
        return FIRST[letter]
    passed = letter != "f"
    return WRONG.model_copy(update={"passed": passed, "code": "trace.holds", "noise_milli": MILLI[letter]})


class Hall:
    """Verifiers who answer in the order in which they are asked as the letters say; those to spare are silent."""

    def __init__(self, court: Court, letters: str, spare: int = 0) -> None:
        self.court, self.letters, self.spare = court, letters, spare
        self.asked: list[str] = []
        self.assigned: list[AuditAssigned] = []

    def find(self, assigned: AuditAssigned, reading: bytes) -> bytes:
        self.asked.extend([assigned.verifier] * (assigned.verifier not in self.asked))
        self.assigned.append(assigned)
        said = reading_of(self.letter(assigned.verifier))
        assert (said.noise_milli > 0) == (assigned.claim is not None and assigned.claim.operator is not None)
        return said.model_dump_json().encode()

    def letter(self, verifier: str) -> str:
        return self.letters[self.asked.index(verifier)]

    def of(self, letters: str) -> set[str]:
        """Who answered so."""
        return {verifier for verifier in self.asked if self.letter(verifier) in letters}

    async def accuse(self) -> DisputeLodged:
        """The dispute of a segment whose trace the first three judge."""
        court, numbers = self.court, range(11, 11 + len(self.letters))
        court.defends = True
        court.reads = lambda assigned, shown: b""
        await court.admit(*numbers)
        court.finds |= {party("v", number): self.find for number in numbers}
        work = Work(1, segments=1, method="trace")
        court.traces = {(work.lease_id, 0): FALSE}
        await court.take(work)
        await court.until_still()
        (lodged,) = await court.said("dispute.lodged")
        spare = range(31, 31 + self.spare)
        await court.admit(*spare)
        court.finds |= {party("v", number): silent for number in spare}
        assert isinstance(lodged, DisputeLodged)
        return lodged

    async def contest(self) -> DisputeLodged:
        """The same, which its provider contests."""
        lodged = await self.accuse()
        await self.court.hear(DisputeContested(**parties(lodged)))
        await self.court.until_still()
        return lodged

    async def clerk_turns(self) -> None:
        """Let the clerk alone have a turn."""
        await self.court.hands()[-1].turn()

    async def ruled(self) -> DisputeRuled:
        (event,) = await self.court.said("dispute.ruled")
        assert isinstance(event, DisputeRuled)
        return event

    async def overruled(self) -> dict[str, SlashReason]:
        return {event.verifier: event.reason for event in await self.court.said("audit.overruled")}


@pytest.fixture
def hall(court: Court, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Hall]:
    """Of work whose order asks for its trace, whatever its kind: no model is loaded for what is judged here."""
    monkeypatch.setattr(trace, "is_checkable", lambda kind, params, policy: True)
    court.knobs["draws"] = 2
    return lambda letters, spare=0: Hall(court, letters, spare)


# How the first three answered and what five members measured: the outcome, the lease's code, who is overruled for what.
LAZY, ACCUSED = SlashReason.LAZY_VERIFIER, SlashReason.FALSE_ACCUSATION
COMMITTEES: dict[str, tuple[str, list[str], str, SlashReason]] = {
    "aahfffwx": ("worker_fault", ["trace.wrong_operator"], "hw", LAZY),
    "aaowwwfx": ("challenger_fault", [], "af", ACCUSED),
    "aaaffwwx": ("numeric_tie", [TIE], "", LAZY),
}


@pytest.mark.parametrize("letters", COMMITTEES)
async def test_three_of_five_decide_and_what_proves_nothing_costs_nobody(
    hall: Callable[..., Hall], letters: str
) -> None:
    room = hall(letters)
    lodged = await room.contest()
    court, ruled = room.court, await room.ruled()
    outcome, codes, liars, reason = COMMITTEES[letters]
    assert (lodged.way, lodged.operator, lodged.code) == ("committee", AT, "trace.wrong_operator")
    assert (ruled.outcome, ruled.cause) == (outcome, "dispute.recounted")
    assert [event.code for event in await court.said("lease.rejected")] == codes
    assert await room.overruled() == dict.fromkeys(room.of(liars) if liars else set(), reason)
    fees = {event.verifier: event.fee for event in await court.said("audit.upheld")}
    unpaid = room.of("x") if outcome != "numeric_tie" else set()
    assert {verifier for verifier, fee in fees.items() if not fee} == unpaid
    # Each member looked by a seed of its own that follows from a block after the contest.
    (drawn,), (opened,) = await court.said("epoch.drawn"), await court.said("epoch.opened")
    assert ruled.committee is not None
    (sitting,), question = ruled.committee.sittings, (await court.said("audit.assigned"))[0]
    assert sitting.block > opened.block and question.claim.operator is None
    measured = {member.verifier: member.noise_milli for member in ruled.committee.members}
    assert measured == {verifier: MILLI[room.letter(verifier)] for verifier in room.of("wxf")}
    seeds = {member.seed for member in ruled.committee.members}
    assert len(seeds) == 5 and seeds == {
        each.claim.seed for each in room.assigned if each.claim and each.claim.operator
    }
    assert drawn.seed not in seeds
    # And each looks again by the seed of whoever called it false.
    asked = [each.claim for each in room.assigned if each.claim]
    assert {claim.first for claim in asked} == {None, question.claim.seed}
    assert all((claim.first is None) == (claim.operator is None) for claim in asked)


async def test_a_pool_of_three_others_is_a_committee_without_waiting(hall: Callable[..., Hall]) -> None:
    room = hall("aaawww")
    await room.contest()
    await room.court.until_still()
    assert not await room.court.said("epoch.waiting")
    assert (await room.ruled()).outcome == "challenger_fault"


async def test_with_fewer_than_three_others_what_was_found_before_stands(hall: Callable[..., Hall]) -> None:
    room = hall("aaaww")
    await room.contest()
    assert not await room.court.said("dispute.ruled")
    await pass_deadlines(room.court)
    await room.court.until_still()
    ruled = await room.ruled()
    assert (ruled.outcome, ruled.cause) == ("worker_fault", "dispute.standing")


async def test_two_whose_third_says_nothing_prove_nothing_and_lose_nothing(hall: Callable[..., Hall]) -> None:
    room = hall("aaawwg")
    await room.contest()
    for _ in range(3):
        await pass_deadlines(room.court)
        await room.court.until_still()
    ruled = await room.ruled()
    assert (ruled.outcome, ruled.cause) == ("worker_fault", "dispute.standing")
    assert await room.overruled() == dict.fromkeys(room.of("g"), LAZY)


async def test_a_silent_member_stops_nothing(hall: Callable[..., Hall]) -> None:
    room = hall("aaawww", spare=1)
    court = room.court
    await room.contest()
    for _ in range(2):
        await pass_deadlines(court)
        await court.until_still()
        await court.until_still()
    ruled = await room.ruled()
    assert (ruled.outcome, ruled.cause) == ("challenger_fault", "dispute.recounted")
    assert ruled.committee is not None and len(ruled.committee.members) == 3


async def test_an_appeal_is_measured_by_five_more_and_all_ten_are_counted(hall: Callable[..., Hall]) -> None:
    room = hall("aaafffww" + "wwwww")
    room.court.knobs["appeal_s"] = 3_600
    lodged = await room.contest()
    court = room.court
    (decided,) = await court.said("dispute.decided")
    assert (decided.outcome, decided.at_fault) == ("worker_fault", (lodged.provider,))
    assert not await court.said("dispute.ruled", "audit.overruled")
    await court.hear(DisputeAppealed(**parties(lodged), evidence=await claimed_blob(court)))
    await court.until_still()
    ruled = await room.ruled()
    assert (ruled.outcome, ruled.cause) == ("challenger_fault", "dispute.appealed")
    assert ruled.committee is not None and len(ruled.committee.sittings) == 2 and len(ruled.committee.members) == 10
    first, second = ruled.committee.sittings
    assert first.block < second.block
    assert await room.overruled() == dict.fromkeys(room.of("af"), ACCUSED)
    assert [(lost.party, lost.amount) for lost in ruled.forfeits] == [(lodged.verifier, DISPUTE_BOND)]


def take_away(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no chain tell which block comes next."""

    async def away(self: Blocks) -> int:
        raise ChainUnreachable("none")

    monkeypatch.setattr(Blocks, "next_round", away)


async def test_where_no_block_draws_a_committee_in_time_nobody_is_to_blame_and_the_requester_is_refunded(
    hall: Callable[..., Hall], monkeypatch: pytest.MonkeyPatch
) -> None:
    room = hall("aah" + "wwwww")
    court, lodged = room.court, await room.accuse()
    take_away(monkeypatch)
    await court.hear(DisputeContested(**parties(lodged)))
    await room.clerk_turns()
    assert not await court.said("dispute.ruled")
    await pass_deadlines(court)
    await room.clerk_turns()
    await court.until_still()
    ruled = await room.ruled()
    assert (ruled.outcome, ruled.cause, ruled.at_fault) == ("numeric_tie", "dispute.unheard", ())
    assert not ruled.forfeits and ruled.committee is None
    assert [event.code for event in await court.said("lease.rejected")] == [TIE]
    assert not await court.said("audit.overruled") and all(e.fee for e in await court.said("audit.upheld"))


async def late_with_a_block(hall: Callable[..., Hall]) -> Hall:
    """A contested operator whose block has come and whose time to be heard is over, before the clerk's next turn."""
    room = hall("aah" + "wwwww")
    await room.court.hear(DisputeContested(**parties(await room.accuse())))
    await room.clerk_turns()
    for _ in range(4):
        room.court.chain.mine()
    await pass_deadlines(room.court)
    return room


async def test_a_block_that_has_come_draws_the_committee_whatever_the_time(hall: Callable[..., Hall]) -> None:
    room = await late_with_a_block(hall)
    await room.court.until_still()
    assert (await room.ruled()).cause == "dispute.recounted"


async def test_no_dispute_ends_unheard_whose_committee_nobody_has_tried_to_draw(
    hall: Callable[..., Hall], monkeypatch: pytest.MonkeyPatch
) -> None:
    room = await late_with_a_block(hall)
    court = room.court

    async def others_first(*names: object) -> list[object]:
        return []

    with monkeypatch.context() as full:
        full.setattr(disputes, "convening", others_first)
        await room.clerk_turns()
    await court.until_still()
    assert (await room.ruled()).cause == "dispute.recounted"


@pytest.mark.parametrize("lacks", ["block", "evidence"])
async def test_what_was_decided_stands_where_an_appeal_cannot_be_heard(
    hall: Callable[..., Hall], monkeypatch: pytest.MonkeyPatch, lacks: str
) -> None:
    room = hall("aaafffww" + "wwwww")
    room.court.knobs["appeal_s"] = 3_600
    court, lodged = room.court, await room.contest()

    async def unread(*names: object) -> None:
        raise Unreachable("blobs")

    if lacks == "block":
        take_away(monkeypatch)
    else:
        monkeypatch.setattr(appealing, "_state_of", unread)
    await court.hear(DisputeAppealed(**parties(lodged), evidence=await claimed_blob(court)))
    for _ in range(2):
        await room.clerk_turns()
    assert not await court.said("dispute.ruled")
    await pass_deadlines(court)
    await room.clerk_turns()
    await court.until_still()
    ruled = await room.ruled()
    assert (ruled.outcome, ruled.cause) == ("worker_fault", "dispute.upheld")
    assert ruled.committee is not None and len(ruled.committee.sittings) == 1
    assert await room.overruled() == dict.fromkeys(room.of("w"), LAZY)


def test_stake_answers_until_committees_that_are_drawn_at_the_last_moment_have_decided(tmp_path: Path) -> None:
    assert lasts_s_max(contest_s=7, move_s=1, appeal_s=0) == 7 + HEARD_S + 2
    assert lasts_s_max(contest_s=7, move_s=1, appeal_s=5) == 7 + 3 * HEARD_S + 5 + 4
    assert lasts_s_max(contest_s=7, move_s=HEARD_S, appeal_s=0) == 7 + MOVES_MAX * HEARD_S
    names = dict.fromkeys(("data_dir", "models_dir", "deployment_file"), tmp_path)
    with pytest.raises(ValidationError, match="longer than stake answers"):
        Settings(**names, postgres_dsn="postgresql:///", appeal_s=300_000)


async def test_who_accused_appeals_with_its_reading_and_with_nothing_else(hall: Callable[..., Hall]) -> None:
    room = hall("aaawwwff" + "fffff")
    room.court.knobs["appeal_s"] = 3_600
    lodged = await room.contest()
    court = room.court
    for evidence in (await claimed_blob(court), lodged.countered):
        await court.hear(DisputeObjected(**parties(lodged), evidence=evidence))
        await court.until_still()
    refused = [event.code for event in await court.said("dispute.refused")]
    assert refused == ["dispute.unproven", "dispute.unappealable"]
    await pass_deadlines(court)
    await court.until_still()
    assert (await room.ruled()).outcome == "challenger_fault"


def test_a_member_that_says_nothing_of_its_operator_has_measured_nothing() -> None:
    other = WRONG.model_copy(update={"operator": 8, "noise_milli": 0})
    endless = WRONG.model_copy(update={"noise_milli": 10**9 + 1})
    for said in (b"", b"[", other.model_dump_json().encode(), endless.model_dump_json().encode()):
        assert tell_operator(said, AT) is None
    within = WRONG.model_copy(update={"noise_milli": 0})
    assert not within.passed and tell_operator(within.model_dump_json().encode(), AT) is None
    assert place_in(WRONG.model_dump_json().encode()) == AT
    for update in ({"code": "trace.drift"}, {"step": -1}, {"operator": 2**31}):
        assert place_in(WRONG.model_copy(update=update).model_dump_json().encode()) is None
    assert place_in(b"") is None


def test_who_knows_of_no_committees_and_checks_the_whole_trace_upholds_nothing_and_lies_in_nothing() -> None:
    for said in (WRONG, HOLDS):
        found = tell_operator(said.model_dump_json(exclude={"noise_milli"}).encode(), AT)
        assert found is not None and found.group == BETWEEN and not found.agrees


@pytest.mark.parametrize("move", [DisputePleaded, DisputePressed])
async def test_a_move_after_a_refused_contest_contests_nothing_where_verifiers_decide(
    court: Court, move: type[DisputePleaded | DisputePressed]
) -> None:
    lodged = await accused(court, "aaa", stake=DISPUTE_BOND - 1)
    await court.hear(DisputeContested(**parties(lodged)))
    # Its contest was refused for want of a bond, and what follows a contest is heard.
    await court.hear(move(**parties(lodged), move=""))
    await court.until_still()
    await pass_deadlines(court)
    await court.until_still()
    (ruled,) = await court.said("dispute.ruled")
    assert (ruled.cause, ruled.at_fault) == ("dispute.silence", (lodged.provider,))
