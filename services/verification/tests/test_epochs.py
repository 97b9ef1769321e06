"""An epoch from its leases to its verdicts, on real Postgres, with verifiers that are played."""

from collections.abc import Sequence
from typing import Any

import pytest
from services.verification.tests.court import Court, silent
from services.verification.tests.samples import MEGA_UNIT_PRICE, UNITS, Work, party

from assay.proof import epoch as proof
from assay.proof.job_seal import name_of
from assay.proof.order import spec_digest
from assay.proof.pool import PLACES, SegmentPlace, read_entries
from assay.schema.audit import AuditAssigned, AuditDeclined, VerifierWithdrawn
from assay.schema.lease import SlashReason
from assay.schema.offer import StakeChanged
from assay.schema.values import BOND_PER_VERIFIER, NO_DIGEST, cost_of
from assay.store import Transaction
from assay.verification.domain import Case
from assay.verification.queries import questions, verifiers
from assay.verification.queries.questions import Audit, Question
from assay.verification.steps.refereeing import Answered, Referee

pytestmark = pytest.mark.server

PASSED = ["epoch.committed", "epoch.drawn", "epoch.opened", "epoch.audited", "epoch.passed"]
LIE = b"x" * 32
KEY = bytes(range(32))


def lying(assigned: AuditAssigned, state: bytes) -> bytes:
    return bytes(32)


def with_the_cheat(assigned: AuditAssigned, state: bytes) -> bytes:
    """Upholds what the cheat claimed: it was given the false blob behind the network's back."""
    return LIE


async def test_leases_of_many_jobs_are_pooled_drawn_audited_and_verified(court: Court) -> None:
    await court.admit(11, 12, 13)
    works = [Work(number, segments=4) for number in range(5)]
    await court.take(*works)
    await court.until_still()
    assert await court.types("epoch") == PASSED
    committed, drawn = await court.said("epoch.committed", "epoch.drawn")
    assert (committed.number, committed.previous, len(committed.entries), committed.segments) == (1, NO_DIGEST, 5, 20)
    anchor = drawn.block - 2
    block = await court.chain.block(drawn.block)
    assert len(drawn.revealed) == 3 and anchor >= 0
    beacon = proof.combine(block.hash, [bytes.fromhex(share.value) for share in drawn.revealed])
    assert drawn.beacon == beacon.hex()
    assert drawn.seed == proof.seed(beacon, committed.root, party("p", 1), 1)
    assert len(drawn.drawn) == 2
    verdicts = await court.said("verdict.reached")
    assert {verdict.outcome for verdict in verdicts} == {"passed"} and len(verdicts) == 5
    assert sorted((v.lease_id, s) for v in verdicts for s in v.drawn) == [(d.lease_id, d.segment) for d in drawn.drawn]
    assert {(v.epoch_id, v.block, v.seed) for v in verdicts} == {(drawn.epoch_id, drawn.block, drawn.seed)}
    verified = await court.said("job.verified")
    assert {job.job_id for job in verified} == {work.job_id for work in works}
    # Two audits of 4 ms over 20 segments of 10 ms, the same share for each job.
    assert {job.cost_share_ppm for job in verified} == {25_000}
    upheld = await court.said("audit.upheld")
    assert [audit.fee for audit in upheld] == [cost_of(UNITS, MEGA_UNIT_PRICE)] * 2
    assert sorted((audit.lease_id, audit.segment) for audit in upheld) == [
        (each.lease_id, each.segment) for each in drawn.drawn
    ]
    assert {(audit.epoch_id, audit.method, audit.agreed) for audit in upheld} == {(drawn.epoch_id, "replay", True)}
    assert [passed.audits for passed in await court.said("epoch.passed")] == [2]


async def test_more_leases_than_an_event_or_a_transaction_holds_are_proven_all_the_same(
    court: Court, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("assay.verification.domain.pooling.INLINE_MAX", 2)
    monkeypatch.setattr("assay.verification.steps.concluding.JUDGED_MAX", 2)
    monkeypatch.setattr("assay.verification.steps.drawing.GATHERED", 2)
    await court.admit(11, 12, 13)
    works = [Work(number, segments=1 + 3 * (number % 2)) for number in range(7)]
    await court.take(*works)
    await court.until_still()
    assert await court.types("epoch") == ["epoch.pooled", *PASSED[1:]]
    pooled, drawn = await court.said("epoch.pooled", "epoch.drawn")
    entries = read_entries(await court.context.bus.blobs.get(pooled.entries), pooled).entries
    assert {entry.job_id for entry in entries} == {work.job_id for work in works} and pooled.segments == 4 + 3 * 4
    ranges = {work.lease_id: proof.range_of(work.commits, spec_digest(work.spec)) for work in works}
    assert [(each.lease_id, each.segment) for each in drawn.drawn] == list(
        proof.draw(drawn.seed, [*ranges.values()], 2)
    )
    longer = [each for each in drawn.drawn if ranges[each.lease_id].entry.segments > 1]
    places = PLACES.validate_json(await court.context.bus.blobs.get(drawn.places)) if drawn.places else ()
    assert list(places) == [SegmentPlace.of(ranges[each.lease_id], each.segment) for each in longer]
    verdicts = await court.said("verdict.reached")
    assert sorted(verdict.lease_id for verdict in verdicts) == sorted(ranges), "each lease is judged, and once"
    # Two audits of 4 ms over 16 segments of 10 ms, however many transactions it took to say so.
    assert all(verdict.audit_ms == 8 * verdict.job_ms // 160 for verdict in verdicts)
    assert len(await court.said("job.verified")) == 7


async def test_an_epoch_that_has_ended_is_judged_to_its_end_however_many_other_questions_are_answered(
    court: Court, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("assay.verification.steps.concluding.JUDGED_MAX", 2)
    steady, seen, claim = [*range(20)], list[Question](), questions.claim_answered

    async def claim_answered(tx: Transaction, *args: int) -> list[Question]:
        seen.extend(claimed := await claim(tx, *args))
        if not claimed and steady and await tx.fetchval("select count(*) from epochs where not is_judged"):
            steady.pop()
            return seen[:1]
        return claimed

    async def weigh(referee: Referee, question: Question, case: Case, audits: Sequence[Audit]) -> Answered | None:
        return None if len(steady) < 20 else await weighed(referee, question, case, audits)

    weighed = Referee._weigh
    monkeypatch.setattr(questions, "claim_answered", claim_answered)
    monkeypatch.setattr(Referee, "_weigh", weigh)
    await court.admit(11, 12, 13)
    await court.take(*(Work(number) for number in range(7)))
    await court.until_still()
    assert len(await court.said("verdict.reached")) == 7 and 0 < len(steady) < 20


async def test_the_next_epoch_waits_for_the_anchor_of_the_last_and_follows_it(court: Court) -> None:
    await court.take(Work(1))
    first_hands = court.hands()
    await first_hands[0].turn()
    await first_hands[1].turn()
    await court.take(Work(2))
    await first_hands[0].turn()
    await first_hands[1].turn()
    assert len(await court.said("epoch.committed")) == 1
    await court.admit(11)
    await court.until_still()
    one, two = await court.said("epoch.committed")
    assert (two.number, two.previous) == (2, one.root)
    assert await court.types("job") == ["job.verified"] * 2


async def test_what_a_free_check_finds_is_rejected_at_once_without_an_epoch(court: Court) -> None:
    honest = Work(7)
    await court.take(Work(7, lies={2: honest.states[2]}))
    await court.until_still()
    (verdict,) = await court.said("verdict.reached")
    assert (verdict.outcome, verdict.epoch_id, verdict.seed, verdict.drawn) == ("rejected", None, NO_DIGEST, ())
    assert [finding.code for finding in verdict.findings] == ["commitment.broken"]
    assert await court.types("epoch", "lease", "job") == ["lease.rejected", "job.rejected"]


async def test_two_commitments_for_one_segment_are_both_kept_and_reject_the_lease(court: Court) -> None:
    work, other = Work(7), Work(7, lies={5: LIE})
    await court.take(work)
    await court.hear(other.commits[5])
    await court.until_still()
    assert [event.code for event in await court.said("lease.rejected")] == ["commitment.equivocation"]
    async with court.context.store.transaction() as tx:
        row = await tx.fetchrow("select first, second from equivocations where lease_id = $1", work.lease_id)
    assert work.commits[5].commitment in row["first"] and other.commits[5].commitment in row["second"]


async def test_a_false_segment_falls_by_two_of_three_and_the_whole_epoch_with_it(court: Court) -> None:
    await court.admit(11, 12, 13)
    cheat = Work(1, segments=1, lies={0: LIE}, audit_segments=3)
    await court.take(cheat, Work(2, segments=1))
    await court.until_still()
    assert await court.types("epoch") == [*PASSED[:4], "epoch.mismatched", "epoch.accused", "epoch.rejected"]
    codes = {event.lease_id: event.code for event in await court.said("lease.rejected")}
    assert codes == {cheat.lease_id: "segment.mismatch", Work(2).lease_id: "epoch.rejected"}
    upheld = await court.said("audit.upheld")
    assert len(upheld) == 4 and not await court.said("audit.overruled")
    assert (
        sorted((a.lease_id, a.agreed) for a in upheld if a.lease_id == cheat.lease_id) == [(cheat.lease_id, False)] * 3
    )
    assert [rejected.audits for rejected in await court.said("epoch.rejected")] == [4]
    assert await court.types("job") == ["job.rejected"] * 2


@pytest.mark.parametrize("liar", [11, 12, 13])
async def test_a_liar_among_three_is_overruled_and_the_honest_provider_paid(court: Court, liar: int) -> None:
    await court.admit(11, 12, 13)
    court.finds[party("v", liar)] = lying
    await court.take(*(Work(number, segments=2, audit_segments=4) for number in range(3)))
    await court.until_still()
    assert (await court.types("epoch"))[-1] == "epoch.passed"
    overruled = await court.said("audit.overruled")
    assert overruled and {(o.verifier, o.reason) for o in overruled} == {
        (party("v", liar), SlashReason.FALSE_ACCUSATION)
    }
    assert all(audit.verifier != party("v", liar) for audit in await court.said("audit.upheld"))


async def test_who_upholds_a_false_claim_against_two_is_overruled_as_lazy(court: Court) -> None:
    await court.admit(11, 12, 13)
    await court.take(Work(1, segments=1, lies={0: LIE}))
    hands = court.hands()
    while not await court.said("audit.assigned"):
        for hand in hands:
            await hand.turn()
        if not await court.said("audit.assigned"):
            await court.answer_all()
    (first,) = await court.said("audit.assigned")
    friend = next(number for number in (11, 12, 13) if party("v", number) != first.verifier)
    court.finds[party("v", friend)] = with_the_cheat
    await court.until_still()
    assert (await court.types("epoch"))[-1] == "epoch.rejected"
    assert [(o.verifier, o.reason) for o in await court.said("audit.overruled")] == [
        (party("v", friend), SlashReason.LAZY_VERIFIER)
    ]


async def test_answers_are_revealed_only_when_all_of_the_round_are_sealed(court: Court) -> None:
    await court.admit(11, 12, 13)
    await court.take(Work(1, segments=1, lies={0: LIE}))
    await court.until_still()
    said = [event.type for event in await court.said() if event.type in ("audit.assigned", "audit.called")]
    assert said == [
        "audit.assigned",
        "audit.called",
        "audit.assigned",
        "audit.assigned",
        "audit.called",
        "audit.called",
    ]


async def test_a_reveal_that_is_not_what_was_sealed_is_overruled_and_another_is_asked(court: Court) -> None:
    await court.admit(11, 12, 13)
    await court.take(Work(1, segments=1))
    hands, original = court.hands(), court.run
    forged: list[str] = []

    async def run(assigned: AuditAssigned) -> Any:
        found = await original(assigned)
        if not forged:
            forged.append(assigned.verifier)
            # It holds no such blob: a published digest was copied.
            return found.model_copy(update={"checkpoint": "a" * 64, "answer": "b" * 64})
        return found

    court.run = run
    assert hands
    await court.until_still()
    assert (await court.types("epoch"))[-1] == "epoch.passed"
    assert [(o.verifier, o.reason) for o in await court.said("audit.overruled")] == [
        (forged[0], SlashReason.LAZY_VERIFIER)
    ]
    async with court.context.store.transaction() as tx:
        bonds = {each.verifier: each.bond for each in await verifiers.candidates(tx, 0)}
    assert [name for name, bond in bonds.items() if not bond] == forged


async def test_who_is_late_or_declines_is_replaced_and_nobody_is_blamed(court: Court) -> None:
    await court.admit(11, 12, 13)
    court.finds |= {party("v", number): silent for number in (11, 12, 13)}
    await court.take(Work(1, segments=1))
    await court.until_still()
    (first,) = await court.said("audit.assigned")
    await court.hear(
        AuditDeclined(audit_id=first.audit_id, verifier=first.verifier, code="verifier.machine", reason="")
    )
    await court.until_still()
    second = (await court.said("audit.assigned"))[1]
    court.finds.clear()
    async with court.context.store.transaction() as tx:
        await tx.execute("update audits set deadline_ms = 0 where audit_id = $1", second.audit_id)
    await court.until_still()
    assert [(event.audit_id, event.code) for event in await court.said("audit.lapsed")] == [
        (second.audit_id, "audit.unanswered")
    ]
    assert len({event.verifier for event in await court.said("audit.assigned")}) == 3
    assert await court.types("job") == ["job.verified"] and not await court.said("audit.overruled")


async def test_who_said_nothing_is_asked_again_once_it_has_rested_if_nobody_else_is_there(court: Court) -> None:
    await court.admit(11)
    court.finds[party("v", 11)] = silent
    await court.take(Work(1, segments=1))
    await court.until_still()
    (first,) = await court.said("audit.assigned")
    said = AuditDeclined(audit_id=first.audit_id, verifier=first.verifier, code="verifier.machine", reason="")
    now_ms = court.context.now()
    await court.hear(said, said)
    async with court.context.store.transaction() as tx:
        rests_ms = await tx.fetchval("select rests_until_ms from verifiers") - now_ms
        await tx.execute("update verifiers set rests_until_ms = $1", 2**50)
    assert 2_000 < rests_ms < 12_000, "shorter than for being late, and once"
    court.finds.clear()
    await court.until_still()
    assert await court.said("audit.assigned") == [first]
    async with court.context.store.transaction() as tx:
        await tx.execute("update verifiers set rests_until_ms = 0")
    await court.until_still()
    again = (await court.said("audit.assigned"))[1]
    assert again.verifier == first.verifier and again.audit_id != first.audit_id
    assert await court.types("job") == ["job.verified"]


async def test_who_is_asked_about_a_segment_is_not_asked_about_the_one_beside_it(court: Court) -> None:
    await court.admit(11, 12, 13, slots=64)
    await court.take(Work(1, segments=12, audit_segments=12))
    await court.until_still()
    asked = {each.segment: each.verifier for each in await court.said("audit.assigned")}
    assert len(asked) == 12
    assert all(asked[segment] != asked[segment + 1] for segment in range(11))


async def test_a_bond_that_is_lost_already_stands_for_nothing_more(court: Court) -> None:
    async def stands(amount: int, *lost: str, needed: int = 1) -> int:
        said = StakeChanged(provider=party("p", 11), amount=amount, claim=min(needed, 1), needed=needed, block=1)
        await court.hear(said)
        async with court.context.store.transaction() as tx:
            await verifiers.promise(tx, lost)
            (candidate,) = await verifiers.candidates(tx, 0)
        return candidate.bond // BOND_PER_VERIFIER

    await court.admit(11)
    own, bond = party("v", 11), BOND_PER_VERIFIER
    assert await stands(3 * bond, own, own) == 1
    assert [await stands(count * bond) for count in (2, 1, 2)] == [1, 1, 2], "what is taken was promised"
    assert await stands(2 * bond, needed=0) == await stands(2 * bond, needed=3 * bond) == 0, "and is a claim's"


async def test_a_withheld_checkpoint_rejects_the_epoch(court: Court) -> None:
    work = Work(1, segments=2)
    del work.blobs[work.commits[0].checkpoint]
    await court.take(work)
    await court.until_still()
    assert await court.types("epoch") == ["epoch.committed", "epoch.drawn", "epoch.withheld", "epoch.rejected"]
    assert [event.code for event in await court.said("lease.rejected")] == ["segment.withheld"]


@pytest.mark.parametrize("stored", [{0: LIE}, {0: b"not sealed at all" * 9}, {1: b""}])
async def test_a_sealed_job_is_audited_and_what_cannot_be_unsealed_counts_as_withheld(
    court: Court, stored: dict[int, bytes]
) -> None:
    await court.admit(11, 12, 13)
    honest, keeps = Work(1, segments=2, key=KEY), Work(2, provider=2, segments=2, key=KEY, stored=stored)
    await court.hold({name_of(KEY): KEY})
    await court.take(honest, keeps)
    await court.until_still()
    assert all(state not in blob for state in honest.states for blob in honest.blobs.values())
    assert [event.lease_id for event in await court.said("lease.verified")] == [honest.lease_id]
    (rejected,) = await court.said("lease.rejected")
    assert (rejected.lease_id, rejected.code) == (keeps.lease_id, "segment.withheld")
    assert {audit.lease_id for audit in await court.said("audit.upheld")} == {honest.lease_id}
    assert not await court.said("audit.overruled")


async def test_a_requester_that_sends_what_will_be_made_along_as_an_input_has_nobody_found_false(court: Court) -> None:
    """Who has the key and knows the work can tell what the sealed checkpoints will be, and name them beforehand."""
    await court.admit(11, 12, 13)
    await court.hold({name_of(KEY): KEY})
    foreseen = Work(1, segments=2, key=KEY)
    work = Work(1, segments=2, key=KEY, sent=tuple(foreseen.blobs))
    assert set(work.blobs) == set(work.spec.inputs)
    await court.take(work)
    await court.until_still()
    assert [event.lease_id for event in await court.said("lease.verified")] == [work.lease_id]


@pytest.mark.parametrize("held", [{}, {name_of(KEY): bytes(32)}])
async def test_nobody_is_blamed_where_the_holder_gives_no_key_or_another(court: Court, held: dict[str, bytes]) -> None:
    await court.admit(11, 12, 13)
    await court.hold(held)
    work = Work(1, segments=2, key=KEY)
    await court.take(work)
    for hand in court.hands():
        await hand.turn()
    assert not await court.said("lease.rejected", "lease.verified", "verdict.reached")


async def test_a_blob_that_is_not_the_committed_state_rejects_the_epoch(court: Court) -> None:
    work = Work(1, segments=3, stored={1: LIE}, audit_segments=3)
    await court.take(work)
    await court.until_still()
    assert (await court.types("epoch"))[-2:] == ["epoch.withheld", "epoch.rejected"]
    assert [event.code for event in await court.said("lease.rejected")] == ["segment.wrong_checkpoint"]


async def test_an_epoch_without_a_verifier_waits_and_says_why_once_for_each_reason(court: Court) -> None:
    await court.admit(1)
    await court.take(Work(1))
    await court.until_still()
    await court.until_still()
    assert [event.reasons for event in await court.said("epoch.waiting")] == [{"verifier.party": 1}]
    await court.admit(11, expires_ms=court.context.now() + 60_000)
    await court.until_still()
    assert await court.types("job") == ["job.verified"]
    await court.hear(VerifierWithdrawn(verifier=party("v", 11)))
    await court.take(Work(2))
    await court.until_still()
    assert [event.reasons for event in await court.said("epoch.waiting")][1:] == [{"verifier.party": 1}]


async def test_planted_questions_are_answered_by_others_paid_and_catch_who_does_no_work(court: Court) -> None:
    court.knobs = {"planted_ppm": 500_000}
    await court.admit(11, 12, 13)
    await court.take(Work(1, segments=2))
    await court.until_still()
    assigned = await court.said("audit.assigned")
    upheld = await court.said("audit.upheld")
    assert len(assigned) == len(upheld) == 4
    assert sorted(audit.lease_id is None for audit in upheld) == [False, False, True, True]
    by_segment: dict[int, set[str]] = {}
    for each in assigned:
        by_segment.setdefault(each.segment, set()).add(each.verifier)
    assert all(len(asked) == 2 for asked in by_segment.values())
    assert (await court.types("epoch")).count("epoch.passed") == 1


async def test_a_crash_after_any_step_repeats_nothing_and_loses_nothing(court: Court) -> None:
    court.knobs = {"planted_ppm": 500_000}
    await court.admit(11, 12, 13, 14)
    await court.take(Work(1, segments=2), Work(2, segments=2, lies={1: LIE}, audit_segments=4))
    for turn in range(84):
        # A process that begins anew with every step, and of which only one part takes it.
        hands = court.hands()
        await hands[turn % len(hands)].turn()
        async with court.context.store.transaction() as tx:
            for table in ("parts", "epochs", "questions"):
                await tx.execute(f"update {table} set claimed_until_ms = 0")
        await court.answer_all()
    said = await court.said()
    keys = [(event.type, event.about) for event in said if event.type != "epoch.waiting"]
    assert len(keys) == len(set(keys))
    assert (await court.types("job")).count("job.rejected") == 2
    assert len(await court.said("lease.rejected")) == 2


async def test_an_epoch_stays_open_until_an_order_in_haste_closes_it_and_says_so(court: Court) -> None:
    court.knobs |= {"draws": None, "epoch_max_s": 3_600}
    await court.admit(11, 12, 13)
    await court.take(Work(1, deadline_ms=2**52), Work(2, deadline_ms=2**52))
    await court.until_still()
    (waiting,) = await court.said()
    assert (waiting.type, waiting.code, waiting.number) == ("epoch.waiting", "epoch.pooling", 1)
    assert waiting.reasons["segments"] == 12 and waiting.reasons["needed"] > 9_000
    assert 3_500_000 < waiting.closes_ms - court.context.now() <= 3_600_000
    # Nobody is bound for as long as that: who is called now may have left.
    assert not await court.types("beacon")
    await court.take(Work(3, deadline_ms=2**52, haste=True))
    await court.until_still()
    assert await court.types("epoch") == ["epoch.waiting", *PASSED]
    (committed,) = await court.said("epoch.committed")
    assert len(committed.entries) == 3 and len(committed.shares) == 3


async def test_an_epoch_closes_earlier_for_a_deadline_and_at_once_with_enough_segments(
    court: Court, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("assay.verification.steps.checking.needed_of", lambda spec, passed: 12)
    court.knobs |= {"draws": None, "epoch_max_s": 3_600}
    await court.admit(11, 12, 13)
    now_ms, proof_ms = court.context.now(), court.settings.proof_ms
    await court.take(Work(1, deadline_ms=now_ms + proof_ms + 1_800_000))
    await court.until_still()
    (waiting,) = await court.said()
    assert (waiting.code, waiting.closes_ms) == ("epoch.hastened", now_ms + proof_ms + 1_800_000 - proof_ms)
    await court.take(Work(2, deadline_ms=2**52), Work(3, deadline_ms=2**52))
    await court.until_still()
    assert await court.types("epoch") == ["epoch.waiting", *PASSED]
