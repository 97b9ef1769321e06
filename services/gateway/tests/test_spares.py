"""Spares at the door: who may speak of one, what it may read, and how its job shows it."""

from dataclasses import replace
from typing import Any

import pytest
from services.gateway.tests.conftest import DOMAIN, Crowd, Keyless, Person, Told

from assay.bus.blobs import StoredBlobs
from assay.bus.memory_keeper import MemoryKeeper
from assay.gateway.beats import beat_of
from assay.gateway.claim import Desk
from assay.gateway.domain import Known, Rates, SpareHeld, Speaker
from assay.gateway.ingest import refusal_of
from assay.gateway.readers import named_in
from assay.gateway.view import view_of
from assay.gateway.why import explain
from assay.schema.event import Envelope, Event
from assay.schema.job import JobMatched, JobSpec, JobStarted
from assay.schema.lease import ResumePoint
from assay.schema.spare import SpareAdvanced, SpareEnded, SpareGranted, SpareWarmed
from assay.schema.values import NO_DIGEST, derive_id

NOW_MS = 1_800_000_000_000
JOB, SPARE = derive_id("j", 1), derive_id("k", 1)
DATA, CHECKPOINT = "d" * 64, "c" * 64
SPEC = JobSpec(kind="noop", inputs=(DATA,), segments=3, segment_units=1)
POINT = ResumePoint(segment=1, state=NO_DIGEST, checkpoint=CHECKPOINT, commitment=NO_DIGEST)


def desk_of(people: list[Person], held: SpareHeld | None) -> Desk:
    """A desk that knows these people, and one spare."""
    speakers = {p.account: Speaker(p.account, p.role, p.id) for p in people}
    known = Known(speakers, spares={SPARE: held} if held else {})
    return Desk(DOMAIN, known, Rates(1000, 1000), StoredBlobs(MemoryKeeper()), Told(), Keyless(), Crowd(), NOW_MS)


def fact(provider: Person) -> dict[str, str]:
    return {"spare_id": SPARE, "job_id": JOB, "provider": provider.id}


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({}, None),
        ({"state": None}, None),
        ({"state": "ended"}, "spare.over"),
        ({"job_id": derive_id("j", 2)}, "spare.unknown"),
        ({"provider": "p" + "a" * 32}, "spare.unknown"),
    ],
)
async def test_only_the_provider_that_keeps_warm_speaks_of_it_while_it_does(
    provider: Person, changes: dict[str, Any], code: str | None
) -> None:
    held = replace(SpareHeld(JOB, provider.id, "standing"), **changes)
    claim = provider.claim(SpareWarmed(**fact(provider), segment=1), NOW_MS)
    refusal = await refusal_of(claim, desk_of([provider], held))
    assert (refusal.code if refusal else None) == code


async def test_nobody_speaks_of_a_spare_that_was_not_granted(provider: Person, rival: Person) -> None:
    claim = rival.claim(SpareWarmed(**fact(rival)), NOW_MS)
    refusal = await refusal_of(claim, desk_of([provider, rival], SpareHeld(JOB, provider.id, "standing")))
    unknown = await refusal_of(provider.claim(SpareWarmed(**fact(provider)), NOW_MS), desk_of([provider], None))
    assert refusal and unknown and refusal.code == unknown.code == "spare.unknown"


def test_a_spare_reads_the_inputs_and_every_checkpoint_that_it_is_told_of(provider: Person) -> None:
    granted = SpareGranted(**fact(provider), spec=SPEC, resume=POINT, deadline_ms=NOW_MS)
    assert named_in(granted) == [(DATA, provider.id, None), (CHECKPOINT, provider.id, None)]
    assert named_in(SpareAdvanced(**fact(provider), point=POINT)) == [(CHECKPOINT, provider.id, None)]
    assert named_in(SpareWarmed(**fact(provider))) == []


def test_a_heartbeat_names_spares_beside_leases_or_says_nothing_of_them(provider: Person) -> None:
    beat = beat_of(f'{{"provider": "{provider.id}", "leases": {{}}, "spares": ["{SPARE}"]}}'.encode())
    assert beat and beat.spares == (SPARE,)
    plain = beat_of(f'{{"provider": "{provider.id}", "leases": {{}}}}'.encode())
    assert plain and plain.spares == ()


def test_a_job_shows_who_keeps_warm_for_it_until_the_spare_is_let_go(requester: Person, provider: Person) -> None:
    whose = {"job_id": JOB, "requester": requester.id, "lease_id": derive_id("l", 1)}
    said: list[Event] = [
        requester.order(JOB, NOW_MS),
        JobMatched(**whose, provider=provider.id),
        JobStarted(**whose),
        SpareGranted(**fact(provider), spec=SPEC, deadline_ms=NOW_MS),
    ]
    ended = SpareEnded(**fact(provider), code="slots.taken", reason="Its provider has no slot left for it.")
    standing, after = (folded(events) for events in (said, [*said, ended]))
    assert standing["spares"] == {SPARE: provider.id} and f"{provider.id} keeps warm" in explain(standing)["why"]
    assert after["spares"] == {} and "keeps warm" not in explain(after)["why"]


def folded(events: list[Event]) -> dict[str, Any]:
    """The view of the job of which this was said."""
    view = view_of([Envelope.wrap(event, "test", NOW_MS + turn) for turn, event in enumerate(events)], {})
    assert view is not None
    return view
