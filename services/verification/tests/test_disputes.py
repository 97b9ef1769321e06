"""A false segment in dispute, with real keys and moves: who is right wins, whoever is silent loses."""

import pytest
from services.verification.tests.court import Court
from services.verification.tests.courtroom import Regression, Room
from services.verification.tests.samples import Work, party
from services.verification.tests.test_epochs import LIE

from assay.proof.court import Party
from assay.schema.audit import AuditAssigned
from assay.schema.dispute import DisputeContested, DisputeOutcome
from assay.schema.lease import TIE, SlashReason

pytestmark = pytest.mark.server


async def test_a_cheat_that_contests_is_searched_down_to_its_operator_and_judged_by_the_contract(court: Court) -> None:
    room = Room(court, Regression(is_lie=True))
    await room.open()
    ruled = await room.play()
    assert (ruled.outcome, ruled.cause, ruled.at_fault) == (
        DisputeOutcome.WORKER_FAULT,
        "dispute.judged",
        (room.work.provider,),
    )
    assert ruled.tx and ruled.rounds and ruled.moves > 6
    assert await court.types("dispute") == ["dispute.lodged", "dispute.proven", "dispute.ruled"]
    assert (await court.types("epoch"))[-3:] == ["epoch.mismatched", "epoch.accused", "epoch.rejected"]
    assert [event.code for event in await court.said("lease.rejected")] == ["segment.mismatch"]
    assert not await court.said("audit.overruled")


async def test_an_honest_provider_that_two_verifiers_accuse_falsely_wins_and_they_lose_their_bonds(
    court: Court,
) -> None:
    room = Room(court, Regression(), false_answers=(0, 1, 2))
    await room.open()
    ruled = await room.play()
    assert (ruled.outcome, ruled.cause) == (DisputeOutcome.CHALLENGER_FAULT, "dispute.judged") and ruled.tx
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
    is_slashed = bool(await court.said("lease.rejected"))
    assert is_slashed is (silent is Party.WORKER)


async def test_a_provider_that_finds_its_own_claim_false_gives_in(court: Court) -> None:
    room = Room(court, Regression(is_lie=True))
    room.work.is_lie = False
    await room.open()
    assert (await room.play()).cause == "dispute.accepted"


# What the verifiers find in the order in which they answer: the claim, or one of two other states.
RECOUNTS = {"aacCC": "challenger_fault", "aaaaa": "worker_fault", "aacCb": "numeric_tie"}


@pytest.mark.parametrize("answers", RECOUNTS)
async def test_work_without_a_program_is_looked_at_by_two_more_and_the_most_of_five_decide(
    court: Court, answers: str
) -> None:
    asked: list[str] = []

    def find(assigned: AuditAssigned, state: bytes) -> bytes:
        asked.extend([assigned.verifier] * (assigned.verifier not in asked))
        letter = answers[asked.index(assigned.verifier)]
        return state if letter in "cC" else letter.encode() * 32

    court.defends = True
    await court.admit(11, 12, 13, 14, 15)
    court.finds |= {party("v", number): find for number in range(11, 16)}
    await court.take(Work(1, segments=1))
    await court.until_still()
    (lodged,) = await court.said("dispute.lodged")
    assert lodged.way == "second_drawing" and not await court.said("audit.overruled", "audit.upheld")
    names = {"dispute_id": lodged.dispute_id, "provider": lodged.provider, "verifier": lodged.verifier}
    await court.hear(DisputeContested(**names))
    await court.until_still()
    (ruled,) = await court.said("dispute.ruled")
    assert (ruled.outcome, ruled.cause) == (RECOUNTS[answers], "dispute.recounted") and len(asked) == 5
    rejected = [event.code for event in await court.said("lease.rejected")]
    assert rejected == {"aacCC": [], "aaaaa": ["segment.mismatch"], "aacCb": [TIE]}[answers]
    overruled = {event.verifier for event in await court.said("audit.overruled")}
    assert overruled == (set(asked[:2]) if answers == "aacCC" else set())


async def test_the_first_answers_stand_if_nobody_is_there_for_a_second_drawing(court: Court) -> None:
    court.defends = True
    await court.admit(11, 12, 13)
    await court.take(Work(1, segments=1, lies={0: LIE}))
    await court.until_still()
    (lodged,) = await court.said("dispute.lodged")
    names = {"dispute_id": lodged.dispute_id, "provider": lodged.provider, "verifier": lodged.verifier}
    await court.hear(DisputeContested(**names))
    await court.until_still()
    assert not await court.said("dispute.ruled", "lease.rejected")
    async with court.context.store.transaction() as tx:
        await tx.execute("update disputes set deadline_ms = 0")
    await court.until_still()
    assert [event.cause for event in await court.said("dispute.ruled")] == ["dispute.standing"]
    assert [event.code for event in await court.said("lease.rejected")] == ["segment.mismatch"]
