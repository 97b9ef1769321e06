import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from services.gateway.tests.conftest import Person, granted, started

from assay.client.view import JobView
from assay.gateway.auditing import POOLING
from assay.gateway.view import view_of
from assay.gateway.why import LACKS, WORDS, explain, explain_lack
from assay.schema import Envelope
from assay.schema.epoch import (
    DrawnSegment,
    EpochAnchored,
    EpochAudited,
    EpochCommitted,
    EpochDrawn,
    EpochEntry,
    EpochOpened,
    EpochPassed,
    EpochWaiting,
    Unproven,
)
from assay.schema.event import Event
from assay.schema.job import (
    JobExecuted,
    JobFunded,
    JobInterrupted,
    JobMatched,
    JobRefunded,
    JobRejected,
    JobSettled,
    JobStarted,
    JobState,
    JobVerified,
    JobWaiting,
    LeaseShare,
    Payout,
)
from assay.schema.lease import (
    NO_QUORUM,
    UNCHECKED,
    UNPROVEN,
    LeaseCommitted,
    LeaseExecuted,
    LeaseLapsed,
    LeasePaid,
    LeaseRejected,
    LeaseSlashed,
    LeaseVerified,
    ResumePoint,
    SlashReason,
)
from assay.schema.values import NO_DIGEST, Role, derive_id
from assay.schema.verdict import Finding, VerdictReached

ANN, BOB = Person("ann", Role.REQUESTER), Person("bob", Role.PROVIDER)
TX, DIGEST = "0x" + "1" * 64, "a" * 64
VERDICT = derive_id("d", 1)
JOB = derive_id("j", 1)
FIRST = granted(BOB.id, ANN.id, 1)
SECOND = FIRST.model_copy(
    update={
        "lease_id": derive_id("l", 2),
        "fence": 2,
        "resume": ResumePoint(segment=0, state=DIGEST, checkpoint=DIGEST, commitment=DIGEST),
    }
)
MINE = {"job_id": JOB, "requester": ANN.id}


def fact(lease: Any) -> dict[str, Any]:
    return {"lease_id": lease.lease_id, "job_id": JOB, "provider": BOB.id, "fence": lease.fence}


def commit(lease: Any, segment: int) -> LeaseCommitted:
    digests = dict.fromkeys(("state_in", "state_out", "checkpoint", "previous", "commitment"), DIGEST)
    return LeaseCommitted(**fact(lease), segment=segment, units=1, compute_ms=1, **digests)


SHARE = LeaseShare(
    lease_id=SECOND.lease_id, provider=BOB.id, fence=2, first_segment=1, segments=2, mega_unit_price=1, root=DIGEST
)
HISTORY: list[tuple[str, Event]] = [
    (ANN.id, ANN.order(JOB, 2**50)),
    ("settlement", JobFunded(**MINE, amount=100)),
    ("matching", JobWaiting(**MINE, reasons={"region": 1, "price": 4})),
    ("matching", FIRST),
    ("matching", JobMatched(**MINE, lease_id=FIRST.lease_id, provider=BOB.id)),
    (BOB.id, started(FIRST)),
    ("matching", JobStarted(**MINE, lease_id=FIRST.lease_id)),
    (BOB.id, commit(FIRST, 0)),
    ("matching", LeaseLapsed(**fact(FIRST), code="lease.silent", reason="It was silent.")),
    ("matching", JobInterrupted(**MINE, lease_id=FIRST.lease_id, reason="It was silent.")),
    ("matching", SECOND),
    ("matching", JobMatched(**MINE, lease_id=SECOND.lease_id, provider=BOB.id)),
    (BOB.id, started(SECOND)),
    ("matching", JobStarted(**MINE, lease_id=SECOND.lease_id)),
    (BOB.id, commit(SECOND, 1)),
    (BOB.id, commit(SECOND, 2)),
    (BOB.id, LeaseExecuted(**fact(SECOND), segments=2, root=DIGEST, result=DIGEST)),
    ("matching", JobExecuted(**MINE, leases=(SHARE,), result=DIGEST)),
]
PASSED: list[tuple[str, Event]] = [
    (
        "verification",
        VerdictReached(
            verdict_id=VERDICT,
            lease_id=SECOND.lease_id,
            job_id=JOB,
            provider=BOB.id,
            requester=ANN.id,
            outcome="passed",
            root=DIGEST,
            block=1,
            seed=DIGEST,
            drawn=(1,),
            findings=(Finding(segment=1, method="replay", passed=True, code="replay.equal", claimed=DIGEST),),
            audit_ms=1,
            job_ms=9,
        ),
    ),
    ("verification", LeaseVerified(**fact(FIRST), verdict_id=VERDICT, segments=1, units=1, root=DIGEST)),
    ("verification", LeaseVerified(**fact(SECOND), verdict_id=VERDICT, segments=2, units=2, root=DIGEST)),
    ("verification", JobVerified(**MINE, cost_share_ppm=400_000)),
    ("settlement", LeasePaid(**fact(FIRST), amount=1, tx=TX)),
    ("settlement", LeasePaid(**fact(SECOND), amount=2, tx=TX)),
    (
        "settlement",
        JobSettled(
            **MINE,
            payouts=(
                Payout(lease_id=FIRST.lease_id, provider=BOB.id, fence=1, amount=1),
                Payout(lease_id=SECOND.lease_id, provider=BOB.id, fence=2, amount=2),
            ),
            refunded=97,
            payment=3,
            step=9,
            tx=TX,
            gas=5,
            receipt=DIGEST,
        ),
    ),
]
FALSE: list[tuple[str, Event]] = [
    ("verification", LeaseRejected(**fact(SECOND), verdict_id=VERDICT, segment=2, code="replay.far", root=DIGEST)),
    ("verification", JobRejected(**MINE, cost_share_ppm=1, reason="Segment 2 is false.")),
    ("settlement", LeaseSlashed(**fact(SECOND), amount=50, reason=SlashReason.INVALID_RESULT, tx=TX)),
    ("settlement", JobRefunded(**MINE, refunded=100, receipt=DIGEST)),
]
COMMITS = {FIRST.lease_id: 1, SECOND.lease_id: 2}


def told(history: list[tuple[str, Event]]) -> list[Envelope[Event]]:
    return [Envelope.wrap(event, source, 1000 + turn, cause="t") for turn, (source, event) in enumerate(history)]


@settings(max_examples=60, deadline=None)
@given(st.randoms(use_true_random=False), st.integers(1, len(HISTORY + PASSED)))
def test_a_view_does_not_depend_on_the_order_in_which_streams_came(chance: random.Random, count: int) -> None:
    said = told((HISTORY + PASSED)[:count])
    shuffled = list(said)
    chance.shuffle(shuffled)
    assert view_of(shuffled, COMMITS) == view_of(said, COMMITS)


def test_a_settled_job_shows_its_whole_way() -> None:
    view = JobView.model_validate(view_of(told(HISTORY + PASSED), COMMITS))
    assert (view.state, view.committed, view.segments, view.kind) == ("settled", 3, 3, "noop")
    assert view.params == {"segments": 3}
    assert (view.paid, view.refunded, view.result, view.receipt) == (3, 97, DIGEST, DIGEST)
    assert (view.cost_share_ppm, view.payment, view.gas) == (400_000, 3, 5)
    assert [(x.state, x.first_segment, x.segments, x.paid) for x in view.leases] == [
        ("paid", 0, 1, 1),
        ("paid", 1, 2, 2),
    ]
    assert [(x.outcome, x.drawn, x.codes) for x in view.verdicts] == [("passed", [1], ["replay.equal"])]
    assert len(view.timeline) == len(HISTORY + PASSED)
    assert view.reason is None


def test_a_refunded_job_shows_what_was_wrong_and_who_was_slashed() -> None:
    view = JobView.model_validate(view_of(told(HISTORY + FALSE), COMMITS))
    assert (view.state, view.reason, view.refunded) == ("refunded", "Segment 2 is false.", 100)
    assert (view.leases[-1].state, view.leases[-1].slashed) == ("slashed", 50)


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (
            UNPROVEN,
            "No verifier could answer a drawn segment of it, so it is not paid, and nobody is to blame. Declined",
        ),
        (
            UNCHECKED,
            "It was not looked at, and stands with what no verifier could answer in its provider's epoch. Decl",
        ),
        (NO_QUORUM, "Verifiers do not agree about it"),
        ("replay.far", "The audit found false work."),
    ],
)
def test_a_requester_reads_whether_anything_was_found_false(code: str, words: str) -> None:
    judged = next(event for _, event in PASSED if isinstance(event, VerdictReached))
    finding = judged.findings[0].model_copy(update={"passed": False, "code": code})
    verdict = judged.model_copy(update={"outcome": "rejected", "findings": (finding,)})
    unproven = Unproven(segments=DRAWN, counted=1, of=1, reasons={"command.failed": 3})
    ended = EpochPassed(**EPOCH, unproven=unproven)
    history = [*HISTORY, ("verification", verdict), ("verification", ended), *FALSE]
    view = view_of(told(history), COMMITS)
    assert view is not None
    why = explain(view)["why"]
    assert words in why and ("3 by command.failed" in why) == (code in (UNPROVEN, UNCHECKED))
    assert JobView.model_validate(view).epochs[0].unproven == {"command.failed": 3}


def test_what_nobody_could_answer_hides_no_false_work_of_the_same_job() -> None:
    judged = next(event for _, event in PASSED if isinstance(event, VerdictReached))
    findings = tuple(
        judged.findings[0].model_copy(update={"passed": False, "code": code}) for code in (UNPROVEN, "replay.far")
    )
    verdict = judged.model_copy(update={"outcome": "rejected", "findings": findings})
    view = view_of(told([*HISTORY, ("verification", verdict), *FALSE]), COMMITS)
    assert view is not None
    assert "The audit found false work." in explain(view)["why"]


def test_a_job_that_nobody_submitted_has_no_view() -> None:
    assert view_of(told(HISTORY[1:]), {}) is None
    assert view_of([], {}) is None


def test_every_state_has_words() -> None:
    assert set(WORDS) == {None, *JobState}


def test_why_names_what_is_waited_for() -> None:
    words = {}
    for count in range(1, len(HISTORY + PASSED) + 1):
        view = view_of(told((HISTORY + PASSED)[:count]), COMMITS)
        assert view is not None
        words[view["state"], count] = explain(view)["why"]
    assert words["funded", 3] == "No provider has it yet. Offers kept out: 4 by price, 1 by region."
    assert words["running", 8] == f"Provider {BOB.id} has committed 1 of 3 segments."
    assert words["funded", 10].startswith("No provider has it yet. The last one stopped: It was silent.")
    assert (
        words["settled", len(HISTORY + PASSED)]
        == "It was verified and paid: 3 by epoch 3 of payments, and 97 came back."
    )
    assert NO_DIGEST not in str(words)


ENTRY = EpochEntry(lease_id=SECOND.lease_id, job_id=JOB, fence=2, first_segment=1, segments=2, root=DIGEST, units=2)
EPOCH = {"epoch_id": derive_id("x", 1), "provider": BOB.id, "number": 7}
DRAWN = (DrawnSegment(lease_id=SECOND.lease_id, segment=1),)
HELD = {"reasons": {"needed": 9_683, "segments": 120}, "closes_ms": 1_800_000_000_000}
POOLED: list[tuple[Event, str]] = [
    (
        EpochWaiting(**EPOCH, code="epoch.pooling", **HELD),
        "stays open until 2027-01-15 08:00 UTC at the latest: it holds 120 of the 9683 segments",
    ),
    (EpochWaiting(**EPOCH, code="epoch.hastened", **HELD), "It closes then for an order in haste"),
    (
        EpochCommitted(**EPOCH, previous=NO_DIGEST, root=DIGEST, units=2, segments=2, entries=(ENTRY,)),
        "anchored on chain",
    ),
    (EpochAnchored(**EPOCH, root=DIGEST, block=4, tx=TX, gas=1), "a later block"),
    (EpochDrawn(**EPOCH, root=DIGEST, block=6, beacon=DIGEST, seed=DIGEST, drawn=DRAWN), "1 segments of epoch 7"),
    (EpochOpened(**EPOCH), "with verifiers"),
    (EpochWaiting(**EPOCH, code="epoch.no_verifier", reasons={"verifier.unbonded": 2}), "2 by verifier.unbonded"),
    (EpochAudited(**EPOCH, audit_ms=1, work_ms=2), "being judged"),
]


def test_a_requester_is_told_what_the_audit_waits_for() -> None:
    history = list(HISTORY)
    assert explain(view_of(told(history), COMMITS))["why"].endswith(POOLING)
    for event, words in POOLED:
        history.append(("verification", event))
        view = view_of(told(history), COMMITS)
        assert view is not None
        assert words in explain(view)["why"]
    assert JobView.model_validate(view).epochs[0].beacon_block == 6


@pytest.mark.parametrize("lack", [*LACKS, None, "deposit.unheard_of"])
def test_a_job_that_is_not_funded_names_what_its_order_waits_for(lack: str | None) -> None:
    view = {"why": "It is being held.", "waiting": {}}
    told = explain_lack(view, lack)
    assert told == ({"why": LACKS[lack], "waiting": {lack: 1}} if lack in LACKS else view)
