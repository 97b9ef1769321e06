"""Twins: what is planted is asked beside its question, and nothing public tells one from the other while it matters."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from services.verification.tests.court import Court, silent
from services.verification.tests.samples import Work, party
from services.verification.tests.test_traces import FALSE, FALSE_AT, HONEST, traced

from assay.proof.digest import blake3_hex
from assay.proof.opened import question_id_of, trace_seed
from assay.schema.audit import AuditAssigned, AuditRevealed
from assay.schema.event import Event
from assay.schema.job import JobSpec
from assay.schema.values import derive_id
from assay.verification.methods.method import Spoiled
from assay.verification.replayer import ChildReplayer

EVERY = 500_000
"""With half of all planted each question has a twin."""
LIE = b"\x07" * 32

__all__ = ["traced"]


class Watcher:
    """A verifier's eyes: what is public until it reveals, and what it can make of that. `kept_back` reveals later."""

    def __init__(self, court: Court) -> None:
        self.court, self.public, self.hear = court, dict[str, list[Any]](), court.hear
        self.kept_back: list[Event] = []
        self.keeps: Callable[[Event], bool] = lambda event: False
        court.hear = self.listen

    async def listen(self, *events: Event) -> None:
        for event in events:
            if isinstance(event, AuditRevealed):
                self.public[event.audit_id] = [said for said in await self.court.said() if said.public]
                if self.keeps(event):
                    self.kept_back.append(event)
                    continue
            await self.hear(event)

    def seen_by(self, asked: AuditAssigned, lease_id: str) -> dict[str, bool]:
        """Each tell of docs/adr/0015, as it shows until this answer is given."""
        public = self.public[asked.audit_id]
        ends = [said for said in public if said.type in ("audit.upheld", "audit.overruled")]
        (drawn,), (opened,) = ([s for s in public if s.type == t] for t in ("epoch.drawn", "epoch.opened"))
        questions = [question_id_of(drawn.epoch_id, lease_id, asked.segment, planted) for planted in (False, True)]
        ids = [derive_id("a", question, asked.verifier) for question in questions]
        claim, seeds = asked.claim, [trace_seed(opened.block_hash or "", drawn.seed, each) for each in questions]
        return {
            "time": any(getattr(said, "segment", None) == asked.segment for said in public),
            "id": asked.audit_id in ids,
            "seed": claim is not None and claim.seed == seeds[1],
            "root": any(end.opened is not None and end.segment == asked.segment for end in ends),
        }


@pytest.fixture
def spoiled(monkeypatch: pytest.MonkeyPatch) -> None:
    """False traces, made without a model."""

    async def spoil(self: ChildReplayer, spec: JobSpec, segment: int, trace: str, seed: str) -> Spoiled:
        return Spoiled(blake3_hex(b"root" + FALSE), FALSE, *FALSE_AT)

    monkeypatch.setattr(ChildReplayer, "spoil", spoil)


async def test_no_public_tell_shows_before_an_answer_is_given(court: Court, traced: Any, spoiled: None) -> None:
    court.knobs |= {"planted_ppm": EVERY, "draws": 32}
    await court.admit(*range(11, 17), slots=64)
    watcher, work = Watcher(court), traced(1, *[HONEST] * 32)
    await court.take(work)
    await court.until_still()
    planted = {audit.audit_id for audit in await court.said("audit.upheld") if audit.lease_id is None}
    assigned = await court.said("audit.assigned")
    drawn = len({each.segment for each in assigned})
    assert (len(planted), len(assigned)) == (drawn, 2 * drawn) and drawn >= 16
    # Many of the planted are false in what is shown; who looked has found it, and is paid alike.
    assert {each.claim.shown for each in assigned if each.audit_id in planted} == {
        blake3_hex(HONEST),
        blake3_hex(FALSE),
    }
    assert not await court.said("audit.overruled")
    # Nor does the order in which a verifier is asked: first ones come by their places, then second ones.
    (epoch,) = await court.said("epoch.drawn")
    places = [question_id_of(epoch.epoch_id, work.lease_id, each.segment) for each in assigned]
    assert places[:drawn] == places[drawn:] == sorted(places[:drawn])
    for each in assigned:
        assert not any(watcher.seen_by(each, work.lease_id).values())
    assert (
        len({each.fee for each in assigned}) == len({bool(each.checkpoint) for each in assigned if each.segment}) == 1
    )
    assert await court.types("job") == ["job.verified"]


async def test_a_question_is_not_said_to_have_ended_while_its_twin_could_keep_its_answer_back(court: Court) -> None:
    court.knobs = {"planted_ppm": EVERY, "draws": 8}
    await court.admit(11, 12, 13, slots=16)
    watcher = Watcher(court)
    watcher.keeps = lambda event: isinstance(event, AuditRevealed) and event.verifier == party("v", 11)
    await court.take(Work(1, segments=8))
    await court.until_still()
    assigned = await court.said("audit.assigned")
    waited_for = {each.segment for each in assigned if each.verifier == party("v", 11)}
    upheld = await court.said("audit.upheld", "audit.overruled")
    ended = {end.segment for end in upheld if end.segment is not None}
    assert waited_for and ended == {each.segment for each in assigned} - waited_for
    # Nor is what was planted beside them; where it was first to come, it waits as well.
    assert sum(end.segment is None for end in upheld) == len(ended)
    await watcher.hear(*watcher.kept_back)
    await court.until_still()
    assert await court.types("job") == ["job.verified"]


async def test_of_a_claim_that_falls_the_twin_is_paid_unjudged(court: Court) -> None:
    court.knobs = {"planted_ppm": EVERY, "draws": 2}
    await court.admit(11, 12, 13, 14, slots=8)
    await court.take(Work(1, segments=2, lies={1: LIE}))
    await court.until_still()
    upheld = await court.said("audit.upheld")
    assert not await court.said("audit.overruled")
    assert len(upheld) == len(await court.said("audit.assigned"))
    assert sum(end.lease_id is None for end in upheld) == 2 and len({end.fee for end in upheld}) == 1
    assert [event.code for event in await court.said("lease.rejected")] == ["segment.mismatch"]


async def test_an_epoch_does_not_wait_for_a_twin_that_nobody_answers(court: Court) -> None:
    court.knobs = {"planted_ppm": EVERY, "audit_s": 1, "draws": 2}
    await court.admit(11, 12, slots=8)
    court.finds[party("v", 12)] = silent
    await court.take(Work(1, segments=2))
    while await court.types("job") != ["job.verified"]:
        await court.until_still()
    said = Counter(type(event).__name__ for event in await court.said() if event.entity() == "audit")
    # Whoever is there may answer both in the end, but never at once.
    assert (said["AuditUpheld"] >= 2, said["AuditOverruled"], said["AuditLapsed"]) == (True, 0, 2)


@pytest.mark.parametrize(("verifiers", "planted"), [(6, 3), (5, 0)])
async def test_what_several_answer_at_once_has_a_twin_of_as_many_or_none(
    court: Court, verifiers: int, planted: int
) -> None:
    court.knobs = {"planted_ppm": EVERY}
    await court.admit(*range(11, 11 + verifiers))
    await court.take(Work(1, segments=1, method="replication"))
    await court.until_still()
    assigned, upheld = await court.said("audit.assigned"), await court.said("audit.upheld")
    assert len({each.verifier for each in assigned}) == len(assigned) == 3 + planted
    assert sum(end.lease_id is None for end in upheld) == planted and len({end.fee for end in upheld}) == 1
    # The order pays for what it asked, and for nothing that was planted.
    assert {end.ordered_by is None for end in upheld if end.lease_id} == {False}
    assert {end.ordered_by for end in upheld if end.lease_id is None} <= {None}
    assert await court.types("job") == ["job.verified"]
