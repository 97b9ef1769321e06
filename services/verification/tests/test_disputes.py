"""A false segment in dispute, with real keys and moves: who is right wins, whoever is silent loses."""

from dataclasses import replace

import pytest
from services.verification.tests.court import Court
from services.verification.tests.courtroom import Regression, Room
from services.verification.tests.samples import Work, party
from services.verification.tests.test_epochs import LIE

from assay.proof.court import Party
from assay.schema.audit import AuditAssigned
from assay.schema.dispute import (
    DisputeAppealed,
    DisputeContested,
    DisputeLodged,
    DisputeObjected,
    DisputeOutcome,
    Forfeit,
)
from assay.schema.job import JobSpec
from assay.schema.lease import OTHER_CLASS, TIE, SlashReason
from assay.schema.offer import StakeChanged
from assay.schema.values import BOND_PER_VERIFIER, DISPUTE_BOND
from assay.verification.replayer import ChildReplayer
from assay.verification.steps.refereeing import Referee
from assay.workloads.court import litigant
from assay.workloads.court.litigant import Brief, parties

pytestmark = pytest.mark.server


@pytest.mark.parametrize("sealing", [None, bytes(32)])
async def test_a_cheat_that_contests_is_searched_down_to_its_operator_and_judged_by_the_contract(
    court: Court, sealing: bytes | None
) -> None:
    room = Room(court, Regression(is_lie=True, sealing=sealing))
    await room.open()
    ruled = await room.play()
    assert (ruled.outcome, ruled.cause, ruled.at_fault) == (
        DisputeOutcome.WORKER_FAULT,
        "dispute.judged",
        (room.work.provider,),
    )
    assert ruled.tx and ruled.rounds and ruled.moves > 6
    assert ruled.forfeits == (Forfeit(party=room.work.provider, amount=DISPUTE_BOND),)
    assert await court.types("dispute") == ["dispute.lodged", "dispute.proven", "dispute.ruled"]
    assert (await court.types("epoch"))[-3:] == ["epoch.mismatched", "epoch.accused", "epoch.rejected"]
    assert [event.code for event in await court.said("lease.rejected")] == ["segment.mismatch"]
    assert not await court.said("audit.overruled")


async def test_a_party_whose_machine_makes_another_program_says_so_and_moves_no_further(
    court: Court, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(litigant, "AGAIN_S", 0.0)
    room = Room(court, Regression(), false_answers=(0, 1, 2))
    brief = room.work.brief

    async def elsewhere(lodged: DisputeLodged) -> Brief:
        found = await brief(lodged)
        program = replace(found.matter.program, closing=found.matter.program.closing[::-1])
        return replace(found, matter=replace(found.matter, program=program))

    monkeypatch.setattr(room.work, "brief", elsewhere)
    await room.open()
    assert (await room.play()).cause == "dispute.silence" and not room.said
    assert "another program" in caplog.text


async def test_an_honest_provider_that_two_verifiers_accuse_falsely_wins_and_they_lose_their_bonds(
    court: Court,
) -> None:
    room = Room(court, Regression(), false_answers=(0, 1, 2))
    await room.open()
    ruled = await room.play()
    assert (ruled.outcome, ruled.cause) == (DisputeOutcome.CHALLENGER_FAULT, "dispute.judged") and ruled.tx
    assert ruled.forfeits == (Forfeit(party=ruled.verifier, amount=DISPUTE_BOND),) and not await locks(court)
    overruled = await court.said("audit.overruled")
    assert {(each.verifier, each.reason) for each in overruled} == {
        (verifier, SlashReason.FALSE_ACCUSATION) for verifier in room.verifiers
    }
    assert (await court.types("epoch"))[-2:] == ["epoch.accused", "epoch.passed"]
    assert await court.types("lease", "job") == ["lease.verified", "job.verified"]


@pytest.mark.parametrize("silent", [Party.WORKER, Party.CHALLENGER])
async def test_whoever_does_not_move_in_time_loses(court: Court, silent: Party) -> None:
    room = Room(court, Regression(is_lie=True), silent={silent})
    await room.open()
    ruled = await room.play()
    wrong = room.work.provider if silent is Party.WORKER else ruled.verifier
    assert (ruled.cause, ruled.at_fault, ruled.tx) == ("dispute.silence", (wrong,), None)
    lost = {silent: DISPUTE_BOND} if silent is Party.CHALLENGER else {}
    assert [each.amount for each in ruled.forfeits] == list(lost.values()) and not await locks(court)
    is_slashed = bool(await court.said("lease.rejected"))
    assert is_slashed is (silent is Party.WORKER)


async def test_a_provider_that_finds_its_own_claim_false_gives_in(court: Court) -> None:
    room = Room(court, Regression(is_lie=True))
    room.work.is_lie = False
    await room.open()
    assert (await room.play()).cause == "dispute.accepted"


# What the verifiers find in the order in which they answer: the claim, or one of other states. Where five decide
# nothing, one more is asked at a time, up to nine or until nobody is left.
# nothing, one more is asked at a time, up to nine or until nobody is left.
RECOUNTS = {
    "aacCC": "challenger_fault",
    "aaaaa": "worker_fault",
    "aacCbC": "challenger_fault",
    "aacCbbadd": "numeric_tie",
}


@pytest.mark.parametrize("answers", RECOUNTS)
async def test_work_without_a_program_is_looked_at_by_two_more_or_until_they_decide(court: Court, answers: str) -> None:
    asked: list[str] = []

    def find(assigned: AuditAssigned, state: bytes) -> bytes:
        asked.extend([assigned.verifier] * (assigned.verifier not in asked))
        letter = (answers + "a" * 9)[asked.index(assigned.verifier)]
        return state if letter in "cC" else letter.encode() * 32

    court.defends = True
    await court.admit(*range(11, 20))
    court.finds |= {party("v", number): find for number in range(11, 20)}
    await court.take(Work(1, segments=1))
    await court.until_still()
    (lodged,) = await court.said("dispute.lodged")
    assert lodged.way == "second_drawing" and not await court.said("audit.overruled", "audit.upheld")
    await court.hear(DisputeContested(**parties(lodged)))
    await court.until_still()
    (ruled,) = await court.said("dispute.ruled")
    assert (ruled.outcome, ruled.cause) == (RECOUNTS[answers], "dispute.recounted") and len(asked) == len(answers)
    rejected = [event.code for event in await court.said("lease.rejected")]
    assert (
        rejected == {"challenger_fault": [], "worker_fault": ["segment.mismatch"], "numeric_tie": [TIE]}[ruled.outcome]
    )
    overruled = {event.verifier for event in await court.said("audit.overruled")}
    liars = {verifier for verifier, letter in zip(asked, answers, strict=True) if letter not in "cC"}
    assert overruled == (liars if ruled.outcome == "challenger_fault" else set())


# Bits of five verifiers of the claim's class in the order in which they answer: the claim's own (C), or others.
BITS = {
    "aaCCC": ("challenger_fault", [], 2),
    "aaaCC": ("worker_fault", [OTHER_CLASS], 0),
    "aabCC": ("numeric_tie", [TIE], 0),
}


@pytest.mark.parametrize("bits", BITS)
async def test_a_refusal_by_bits_alone_is_contested_before_most_of_five_of_the_class(
    court: Court, bits: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def near(self: ChildReplayer, spec: JobSpec, mine: bytes, theirs: bytes, before: bytes) -> float:
        return 1e-5 if mine != theirs else 0.0

    def find(assigned: AuditAssigned, state: bytes) -> bytes:
        asked.extend([assigned.verifier] * (assigned.verifier not in asked))
        letter = bits[asked.index(assigned.verifier)]
        return state if letter == "C" else letter.encode() * 32

    asked: list[str] = []
    monkeypatch.setattr(ChildReplayer, "distance", near)
    court.defends, court.machine = True, "c" * 64
    await court.admit(11, 12, 13, 14, 15)
    court.finds |= {party("v", number): find for number in range(11, 16)}
    await court.take(Work(1, segments=1, machine="c" * 64))
    await court.until_still()
    (lodged,) = await court.said("dispute.lodged")
    assert (lodged.way, lodged.code, lodged.verifier in asked[:3]) == ("second_drawing", OTHER_CLASS, True)
    await court.hear(DisputeContested(**parties(lodged)))
    await court.until_still()
    (ruled,) = await court.said("dispute.ruled")
    outcome, codes, liars = BITS[bits]
    assert (ruled.outcome, ruled.cause, len(asked)) == (outcome, "dispute.recounted", 5)
    assert [event.code for event in await court.said("lease.rejected")] == codes
    overruled = {(event.verifier, event.reason) for event in await court.said("audit.overruled")}
    assert overruled == {(verifier, SlashReason.FALSE_ACCUSATION) for verifier in asked[:liars]}


async def locks(court: Court) -> dict[str, int]:
    """What is locked for disputes now, by address."""
    async with court.context.store.transaction() as tx:
        rows = await tx.fetch("select address, amount from bond_locks")
    return {row["address"]: int(row["amount"]) for row in rows}


async def contested(court: Court, answers: str, stake: int = BOND_PER_VERIFIER) -> DisputeLodged:
    """The dispute of a true segment, which verifiers answer as these letters say; its provider contests it."""
    lodged = await accused(court, answers, stake)
    await court.hear(DisputeContested(**parties(lodged)))
    await court.until_still()
    return lodged


async def accused(court: Court, answers: str, stake: int = BOND_PER_VERIFIER) -> DisputeLodged:
    """The dispute of a true segment, which verifiers answer as these letters say."""
    asked: list[str] = []

    def find(assigned: AuditAssigned, state: bytes) -> bytes:
        asked.extend([assigned.verifier] * (assigned.verifier not in asked))
        letter = (answers + "a" * 9)[asked.index(assigned.verifier)]
        return state if letter == "C" else letter.encode() * 32

    court.defends = True
    numbers = range(11, 11 + len(answers))
    await court.admit(*numbers)
    court.finds |= {party("v", number): find for number in numbers}
    work = Work(1, segments=1)
    await court.take(work)
    await court.hear(StakeChanged(provider=work.granted.provider, amount=stake, block=2))
    await court.until_still()
    (lodged,) = await court.said("dispute.lodged")
    return lodged


async def test_who_has_no_bond_to_lose_cannot_contest_and_accusing_takes_one_too(court: Court) -> None:
    lodged = await contested(court, "aaa", stake=DISPUTE_BOND - 1)
    (refused,) = await court.said("dispute.refused")
    assert (refused.party, refused.code) == (lodged.provider, "dispute.unbonded")
    assert await locks(court) == {lodged.verifier[1:]: DISPUTE_BOND}
    await court.hear(StakeChanged(provider=lodged.provider, amount=DISPUTE_BOND, block=3))
    await court.hear(DisputeContested(**parties(lodged)))
    assert await locks(court) == {party[1:]: DISPUTE_BOND for party in (lodged.provider, lodged.verifier)}


async def test_nothing_is_final_before_an_appeal_of_which_nine_verifiers_decide(court: Court) -> None:
    court.knobs |= {"appeal_s": 3_600}
    lodged = await contested(court, "aaaCCCCCC")
    (decided,) = await court.said("dispute.decided")
    assert (decided.outcome, decided.at_fault) == ("worker_fault", (lodged.provider,))
    assert not await court.said("dispute.ruled", "lease.rejected", "audit.overruled")
    await court.hear(DisputeObjected(**parties(lodged), evidence=lodged.countered))
    await court.hear(DisputeAppealed(**parties(lodged), evidence=await claimed_blob(court)))
    await court.until_still()
    (ruled,) = await court.said("dispute.ruled")
    assert (ruled.outcome, ruled.cause) == ("challenger_fault", "dispute.appealed")
    assert ruled.forfeits == (Forfeit(party=lodged.verifier, amount=DISPUTE_BOND),) and not await locks(court)
    refused = {(event.party, event.code) for event in await court.said("dispute.refused")}
    assert refused == {(lodged.verifier, "dispute.unappealable")}
    assert len(await court.said("audit.overruled")) == 3 and not await court.said("lease.rejected")


async def test_an_appeal_without_evidence_is_refused_and_the_decision_stands_when_its_time_is_over(
    court: Court,
) -> None:
    court.knobs |= {"appeal_s": 3_600}
    lodged = await contested(court, "aaaCC")
    for evidence in ("0" * 64, await claimed_blob(court)):
        await court.hear(DisputeAppealed(**parties(lodged), evidence=evidence))
        await court.until_still()
    refused = [event.code for event in await court.said("dispute.refused")]
    assert refused == ["dispute.unproven", "dispute.unappealable"] and not await court.said("dispute.ruled")
    await pass_deadlines(court)
    await court.until_still()
    (ruled,) = await court.said("dispute.ruled")
    assert (ruled.cause, ruled.outcome) == ("dispute.recounted", "worker_fault")
    assert ruled.forfeits == (Forfeit(party=lodged.provider, amount=2 * DISPUTE_BOND),)


async def claimed_blob(court: Court) -> str:
    """The blob of the state that the provider committed to."""
    async with court.context.store.transaction() as tx:
        return str(await tx.fetchval("select committed ->> 'checkpoint' from commits"))


async def test_a_tie_ends_as_one_when_nobody_further_comes_and_nobody_is_to_blame(court: Court) -> None:
    await contested(court, "aabCC")
    assert not await court.said("dispute.ruled")
    await pass_deadlines(court)
    # The clerk, whose turn is the last, rings for the referee.
    await court.until_still()
    await court.until_still()
    (ruled,) = await court.said("dispute.ruled")
    assert (ruled.cause, ruled.outcome, ruled.at_fault) == ("dispute.recounted", "numeric_tie", ())
    assert [event.code for event in await court.said("lease.rejected")] == [TIE]
    assert not await court.said("audit.overruled") and not await locks(court)


async def test_answers_that_were_in_time_are_counted_though_nobody_had_looked_at_them_yet(court: Court) -> None:
    lodged = await accused(court, "aaCCC")
    await court.hear(DisputeContested(**parties(lodged)))
    busy = [hand for hand in court.hands() if not isinstance(hand, Referee)]
    for _ in range(4):
        assert all([await hand.turn() != 0 for hand in busy])
        await court.answer_all()
    await pass_deadlines(court)
    await court.until_still()
    (ruled,) = await court.said("dispute.ruled")
    assert (ruled.cause, ruled.outcome) == ("dispute.recounted", "challenger_fault")


async def pass_deadlines(court: Court) -> None:
    """Let the time of all disputes be over."""
    async with court.context.store.transaction() as tx:
        await tx.execute("update disputes set deadline_ms = 0")


async def test_the_first_answers_stand_if_nobody_is_there_for_a_second_drawing(court: Court) -> None:
    court.defends = True
    await court.admit(11, 12, 13)
    await court.take(Work(1, segments=1, lies={0: LIE}))
    await court.until_still()
    (lodged,) = await court.said("dispute.lodged")
    await court.hear(DisputeContested(**parties(lodged)))
    await court.until_still()
    assert not await court.said("dispute.ruled", "lease.rejected")
    await pass_deadlines(court)
    await court.until_still()
    assert [event.cause for event in await court.said("dispute.ruled")] == ["dispute.standing"]
    assert [event.code for event in await court.said("lease.rejected")] == ["segment.mismatch"]
