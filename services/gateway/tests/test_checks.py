from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from services.gateway.tests.conftest import DOMAIN, Crowd, Keyless, Person, Told, claim_of, granted, started

from assay.bus.blobs import StoredBlobs
from assay.bus.memory_keeper import MemoryKeeper
from assay.gateway.checks import CHECKS, blobs
from assay.gateway.claim import Claim, Desk
from assay.gateway.domain import DisputeHeld, JobHeld, Known, LeaseHeld, Rates, Speaker
from assay.gateway.ingest import refusal_of
from assay.proof import Domain, blob_digest
from assay.schema import Envelope
from assay.schema.dispute import DisputeAccepted
from assay.schema.errors import REFUSALS
from assay.schema.event import EVENT_BYTES_MAX
from assay.schema.job import JobFunded, JobSpec
from assay.schema.lease import LeaseGranted
from assay.schema.offer import OfferWithdrawn
from assay.schema.streams import AUDIT_AGE_S, BLOB_AGE_S
from assay.schema.values import Policy, Requirements, derive_id
from assay.schema.voucher import VoucherPresented

NOW_MS = 1_800_000_000_000
SOON_MS = NOW_MS + 60_000
JOB, LEASE, OFFER = (derive_id(letter, 1) for letter in "jlf")

MakeDesk = Callable[..., Desk]


@pytest.fixture(scope="session")
def lease(provider: Person, requester: Person) -> LeaseGranted:
    return granted(provider.id, requester.id, 1)


@pytest.fixture(scope="session")
def make_desk(requester: Person, provider: Person, rival: Person, lease: LeaseGranted) -> MakeDesk:
    """A desk that knows three people, one open lease and one running job."""
    speakers = {p.account: Speaker(p.account, p.role, p.id) for p in (requester, provider, rival)}

    def make(**changes: Any) -> Desk:
        held = LeaseHeld(lease.job_id, provider.id, 1, "granted")
        known = Known(
            speakers, frozenset(), {lease.lease_id: held}, {derive_id("j", 9): JobHeld(requester.id, "running")}
        )
        rates, told = changes.pop("rates", Rates(1000, 1000)), Told(changes.pop("told", {}))
        rights = (StoredBlobs(MemoryKeeper(), lambda: NOW_MS / 1000), told, Keyless(), changes.pop("crowd", Crowd()))
        return Desk(DOMAIN, replace(known, **changes), rates, *rights, NOW_MS)

    return make


async def code_of(claim: Claim, desk: Desk) -> str | None:
    """The code of the refusal, if any."""
    refusal = await refusal_of(claim, desk)
    return refusal.code if refusal else None


def test_the_order_of_the_checks_is_the_one_that_the_design_names() -> None:
    order = [check.__name__.removeprefix("check_") for check in CHECKS]
    assert order[:7] == ["size", "signature", "status", "nonce", "fence", "rate", "schema"]


async def test_what_everyone_may_say_is_let_in(
    make_desk: MakeDesk, requester: Person, provider: Person, lease: LeaseGranted
) -> None:
    for claim in (
        requester.claim(requester.order(JOB, SOON_MS), NOW_MS),
        requester.claim(requester.withdraw(derive_id("j", 9)), NOW_MS),
        provider.claim(started(lease), NOW_MS),
        provider.claim(OfferWithdrawn(offer_id=OFFER, provider=provider.id), NOW_MS),
    ):
        assert await refusal_of(claim, make_desk()) is None


async def test_what_is_too_big_is_refused_before_anything_else_is_looked_at(make_desk: MakeDesk) -> None:
    claim = Claim("ANOBODY", "job.submitted", JOB, {}, bytes(EVENT_BYTES_MAX + 1))
    assert await code_of(claim, make_desk()) == "event.oversized"
    assert await code_of(replace(claim, data=b"", headers={"x": "y" * 5000}), make_desk()) == "event.oversized"


async def test_an_unsigned_statement_is_refused(make_desk: MakeDesk, provider: Person, lease: LeaseGranted) -> None:
    said: Envelope[Any] = Envelope.wrap(started(lease), provider.id, NOW_MS)
    assert await code_of(claim_of(provider.account, said), make_desk()) == "event.unsigned"


async def test_a_statement_signed_by_somebody_else_is_refused(
    make_desk: MakeDesk, provider: Person, rival: Person, lease: LeaseGranted
) -> None:
    forged = rival.sign(started(lease), NOW_MS)
    claim = claim_of(provider.account, forged, forged.headers() | {"ce-source": provider.id})
    assert await code_of(claim, make_desk()) == "event.forged"


async def test_a_statement_for_another_deployment_is_refused(
    make_desk: MakeDesk, provider: Person, lease: LeaseGranted
) -> None:
    said = provider.sign(started(lease), NOW_MS, Domain(1, DOMAIN.verifying_contract))
    assert await code_of(claim_of(provider.account, said), make_desk()) == "event.forged"


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
async def test_no_statement_survives_a_flipped_bit(
    make_desk: MakeDesk, provider: Person, lease: LeaseGranted, data: st.DataObject
) -> None:
    claim = provider.claim(started(lease), NOW_MS)
    bit = data.draw(st.integers(0, 8 * len(claim.data) - 1))
    flipped = (int.from_bytes(claim.data, "big") ^ (1 << bit)).to_bytes(len(claim.data), "big")
    assert await code_of(replace(claim, data=flipped), make_desk()) == "event.forged"


@settings(max_examples=100)
@given(
    st.sampled_from(["job.submitted", "lease.committed", "offer.announced", "no.such"]),
    st.text(max_size=30),
    st.dictionaries(
        st.sampled_from(["ce-id", "ce-type", "ce-source", "ce-time", "ce-signature"]), st.text(max_size=140)
    ),
    st.binary(max_size=200),
)
async def test_noise_is_refused_with_a_known_code(
    make_desk: MakeDesk, kind: str, about: str, headers: dict[str, str], data: bytes
) -> None:
    assert await code_of(Claim("ABOB", kind, about, headers, data), make_desk()) in REFUSALS


async def test_an_account_that_was_never_granted_access_is_refused(make_desk: MakeDesk, provider: Person) -> None:
    said = provider.sign(OfferWithdrawn(offer_id=OFFER, provider=provider.id), NOW_MS)
    assert await code_of(claim_of("ASTRANGER", said), make_desk()) == "speaker.unknown"


async def test_an_account_speaks_for_its_own_id_only(make_desk: MakeDesk, provider: Person, rival: Person) -> None:
    said = provider.sign(OfferWithdrawn(offer_id=OFFER, provider=provider.id), NOW_MS)
    assert await code_of(claim_of(rival.account, said), make_desk()) == "speaker.unknown"


async def test_a_revoked_account_is_refused(make_desk: MakeDesk, provider: Person) -> None:
    revoked = {provider.account: Speaker(provider.account, provider.role, provider.id, is_revoked=True)}
    claim = provider.claim(OfferWithdrawn(offer_id=OFFER, provider=provider.id), NOW_MS)
    assert await code_of(claim, make_desk(speakers=revoked)) == "speaker.revoked"


async def test_a_repeated_statement_is_refused(make_desk: MakeDesk, provider: Person, lease: LeaseGranted) -> None:
    claim = provider.claim(started(lease), NOW_MS)
    assert await code_of(claim, make_desk(taken=frozenset({claim.id}))) == "event.replayed"


async def test_only_its_provider_speaks_of_a_lease(make_desk: MakeDesk, rival: Person, lease: LeaseGranted) -> None:
    claim = rival.claim(started(lease).model_copy(update={"provider": rival.id}), NOW_MS)
    assert await code_of(claim, make_desk()) == "lease.unknown"
    unknown = rival.claim(started(granted(rival.id, lease.requester, 77)), NOW_MS)
    assert await code_of(unknown, make_desk()) == "lease.unknown"


@pytest.mark.parametrize(
    "state", ["executed", "failed", "lapsed", "released", "verified", "rejected", "paid", "slashed"]
)
async def test_nothing_is_said_of_a_lease_that_has_ended(
    make_desk: MakeDesk, provider: Person, lease: LeaseGranted, state: str
) -> None:
    ended = {lease.lease_id: LeaseHeld(lease.job_id, provider.id, 1, state)}
    assert await code_of(provider.claim(started(lease), NOW_MS), make_desk(leases=ended)) == "fence.stale"


async def test_another_fence_than_the_leases_is_stale(
    make_desk: MakeDesk, provider: Person, lease: LeaseGranted
) -> None:
    claim = provider.claim(started(lease).model_copy(update={"fence": 2}), NOW_MS)
    assert await code_of(claim, make_desk()) == "fence.stale"


@pytest.mark.parametrize(
    ("state", "code"),
    [*((each, None) for each in ("running", "executed", "failed", "lapsed", "released", "verified"))]
    + [(each, "fence.stale") for each in (None, "rejected", "paid", "slashed", "spared")],
)
async def test_what_is_owed_for_a_lease_is_heard_of_its_provider_until_it_is_paid_or_found_false(
    make_desk: MakeDesk, provider: Person, rival: Person, lease: LeaseGranted, state: str | None, code: str
) -> None:
    fact = {"lease_id": lease.lease_id, "job_id": lease.job_id, "fence": lease.fence}
    owed = {"units": 7, "signature": "0x" + "11" * 65}
    desk = make_desk(leases={lease.lease_id: LeaseHeld(lease.job_id, provider.id, 1, state)})
    assert await code_of(provider.claim(VoucherPresented(**fact, provider=provider.id, **owed), NOW_MS), desk) == code
    assert (
        await code_of(rival.claim(VoucherPresented(**fact, provider=rival.id, **owed), NOW_MS), desk) == "lease.unknown"
    )


async def test_only_its_parties_speak_of_a_dispute_and_not_after_its_end(
    make_desk: MakeDesk, provider: Person, rival: Person
) -> None:
    parties = {"provider": provider.id, "verifier": "v" + "a" * 32}
    fact = DisputeAccepted(dispute_id=derive_id("c", 1), **parties)
    for said, state, code in (
        (fact, "contested", None),
        (fact, "ruled", "dispute.over"),
        (fact, None, None),
        (fact.model_copy(update={"verifier": "v" + "b" * 32}), "contested", "dispute.unknown"),
        (fact.model_copy(update={"dispute_id": derive_id("c", 2)}), "contested", "dispute.unknown"),
    ):
        desk = make_desk(disputes={fact.dispute_id: DisputeHeld(provider.id, fact.verifier, state)})
        assert await code_of(provider.claim(said, NOW_MS), desk) == code


async def test_a_lease_of_another_job_is_refused(make_desk: MakeDesk, provider: Person, lease: LeaseGranted) -> None:
    claim = provider.claim(started(lease).model_copy(update={"job_id": derive_id("j", 5)}), NOW_MS)
    assert await code_of(claim, make_desk()) == "lease.unknown"


async def test_too_many_statements_are_told_when_to_come_again(
    make_desk: MakeDesk, provider: Person, lease: LeaseGranted
) -> None:
    desk = make_desk(rates=Rates(per_s=2, burst=3))
    refusals = [await refusal_of(provider.claim(started(lease), NOW_MS + turn), desk) for turn in range(4)]
    assert [refusal.code if refusal else None for refusal in refusals] == [None, None, None, "rate.exceeded"]
    assert refusals[3] and refusals[3].fields["retry_after_s"] == pytest.approx(0.5)


async def test_an_attacker_does_not_use_up_the_rate_of_its_victim(
    make_desk: MakeDesk, provider: Person, rival: Person, lease: LeaseGranted
) -> None:
    desk = make_desk(rates=Rates(per_s=1, burst=1))
    forged = rival.sign(started(lease), NOW_MS)
    for _ in range(5):
        await refusal_of(claim_of(provider.account, forged, forged.headers() | {"ce-source": provider.id}), desk)
    assert await refusal_of(provider.claim(started(lease), NOW_MS), desk) is None


async def test_the_subject_says_what_the_data_says(make_desk: MakeDesk, provider: Person) -> None:
    claim = provider.claim(OfferWithdrawn(offer_id=OFFER, provider=provider.id), NOW_MS)
    assert await code_of(replace(claim, about=derive_id("f", 2)), make_desk()) == "event.malformed"
    assert await code_of(replace(claim, type="offer.announced"), make_desk()) == "event.malformed"


async def test_a_zero_character_is_refused(make_desk: MakeDesk, requester: Person) -> None:
    spec = JobSpec(kind="noop", params={"segments": 3, "payload": "\0"}, segments=3, segment_units=1)
    claim = requester.claim(requester.order(JOB, SOON_MS, spec), NOW_MS)
    assert await code_of(claim, make_desk()) == "event.malformed"


async def test_nobody_says_what_is_a_services_to_say(make_desk: MakeDesk, requester: Person) -> None:
    event = JobFunded(job_id=JOB, requester=requester.id, amount=1)
    assert await code_of(requester.claim(event, NOW_MS), make_desk()) == "event.unknown"


async def test_a_requester_does_not_say_what_is_a_providers_to_say(make_desk: MakeDesk, requester: Person) -> None:
    claim = requester.claim(OfferWithdrawn(offer_id=OFFER, provider="p" + requester.id[1:]), NOW_MS)
    assert await code_of(claim, make_desk()) == "event.unknown"


async def test_nobody_speaks_in_the_name_of_another(make_desk: MakeDesk, provider: Person, rival: Person) -> None:
    claim = rival.claim(OfferWithdrawn(offer_id=OFFER, provider=provider.id), NOW_MS)
    assert await code_of(claim, make_desk()) == "event.forged"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"deadline_ms": NOW_MS - 1}, "job.past_deadline"),
        ({"price_limit": 101}, "job.bad_order"),
        ({"job_id": derive_id("j", 2)}, "job.bad_order"),
        ({"order_signature": "0x" + "11" * 65}, "job.bad_order"),
        ({"job_id": derive_id("j", 9)}, "job.bad_order"),
    ],
    ids=["late", "price", "job", "signature", "taken"],
)
async def test_a_job_whose_order_would_fail_is_refused(
    make_desk: MakeDesk, requester: Person, changes: dict[str, Any], code: str
) -> None:
    claim = requester.claim(requester.order(JOB, SOON_MS).model_copy(update=changes), NOW_MS)
    assert await code_of(claim, make_desk()) == code


TRACED = Policy(method="trace")
ROOMY = Requirements(memory_bytes=4 * 2**30)
GPU = ROOMY.model_copy(update={"gpu": True})
HALF = JobSpec(
    kind="finetune",
    params={"model": "1" * 64, "data": "2" * 64, "steps": 4, "segment_steps": 2, "dtype": "bfloat16"},
    inputs=("2" * 64,),
    segments=2,
    segment_units=512,
)


@pytest.mark.parametrize(
    ("spec", "code"),
    [
        (JobSpec(kind="alchemy", segments=1, segment_units=1), "job.unknown_kind"),
        (JobSpec(kind="noop", params={"segments": "many"}, segments=1, segment_units=1), "job.bad_params"),
        (JobSpec(kind="noop", params={"segments": 2}, segments=1, segment_units=1), "job.bad_params"),
        (JobSpec(kind="noop", params={"segments": 1}, segments=1, segment_units=7), "job.bad_params"),
        (
            JobSpec(kind="noop", params={"segments": 1}, segments=1, segment_units=1, inputs=("0" * 64,)),
            "job.bad_params",
        ),
        (
            JobSpec(
                kind="noop",
                params={"segments": 1},
                segments=1,
                segment_units=1,
                requirements=Requirements(memory_bytes=2**50),
            ),
            "job.impossible",
        ),
        (HALF, "job.bad_params"),
        (HALF.model_copy(update={"requirements": Requirements(gpu=True)}), "job.bad_params"),
        (HALF.model_copy(update={"requirements": Requirements(gpu=True), "policy": TRACED}), "job.bad_params"),
        (HALF.model_copy(update={"requirements": GPU}), "job.bad_params"),
        (HALF.model_copy(update={"requirements": GPU, "policy": TRACED}), "job.missing_input"),
    ],
    ids=[
        "kind",
        "params",
        "segments",
        "units",
        "inputs",
        "memory",
        "no gpu",
        "little",
        "too little",
        "no check in bfloat16",
        "by its trace",
    ],
)
async def test_a_spec_is_what_its_kind_makes_of_its_parameters(
    make_desk: MakeDesk, requester: Person, spec: JobSpec, code: str
) -> None:
    assert await code_of(requester.claim(requester.order(JOB, SOON_MS, spec), NOW_MS), make_desk()) == code


REACHES = JobSpec(
    kind="command",
    params={"command": ["sh", "-c", ":"], "egress": ["example.org"], "segments": 4},
    segments=4,
    segment_units=60_000,
    policy=Policy(method="replication", audit_segments=4),
)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({}, None),
        ({"policy": Policy(audit_segments=4)}, "job.bad_params"),
        ({"policy": Policy(method="replication", audit_segments=3)}, "job.bad_params"),
        ({"params": REACHES.params | {"egress": ["127.0.0.1"]}}, "job.bad_params"),
        ({"params": REACHES.params | {"segments": 513}, "segments": 513}, "job.bad_params"),
    ],
    ids=["all replicated", "replayed", "one not drawn", "an address", "more than can be drawn"],
)
async def test_what_reaches_hosts_has_every_segment_replicated(
    make_desk: MakeDesk, requester: Person, changes: dict[str, Any], code: str | None
) -> None:
    spec = REACHES.model_copy(update=changes)
    assert await code_of(requester.claim(requester.order(JOB, SOON_MS, spec), NOW_MS), make_desk()) == code


async def test_a_job_names_what_its_account_uploaded_or_was_told_of_and_nothing_else(
    make_desk: MakeDesk, requester: Person
) -> None:
    desk, data = make_desk(), b"a text to learn from" * 50
    digest = blob_digest(data)
    params = {"model": "1" * 64, "data": digest, "steps": 4, "segment_steps": 2}
    spec = JobSpec(kind="finetune", params=params, inputs=(digest,), segments=2, segment_units=512, requirements=ROOMY)
    claim = requester.claim(requester.order(JOB, SOON_MS, spec), NOW_MS)
    assert await code_of(claim, desk) == "job.missing_input"
    await desk.blobs.keep(digest, data, "ASTRANGER")  # type: ignore[attr-defined]
    assert await code_of(claim, desk) == "job.missing_input"
    await desk.blobs.keep(digest, data, requester.account)  # type: ignore[attr-defined]
    assert await code_of(claim, desk) is None
    told = make_desk(told={digest: requester.id})
    assert await code_of(claim, told) == "job.missing_input"
    await told.blobs.keep(digest, data, "ASTRANGER")  # type: ignore[attr-defined]
    assert await code_of(claim, told) is None
    assert await code_of(claim, make_desk(told={digest: "r" + "a" * 32})) == "job.missing_input"


async def test_no_deadline_is_later_than_its_inputs_are_kept_for_all_that_may_follow(
    make_desk: MakeDesk, requester: Person
) -> None:
    desk, data = make_desk(), b"a text to learn from" * 50
    digest = blob_digest(data)
    await desk.blobs.keep(digest, data, requester.account)  # type: ignore[attr-defined]
    params = {"model": "1" * 64, "data": digest, "steps": 4, "segment_steps": 2}
    spec = JobSpec(kind="finetune", params=params, inputs=(digest,), segments=2, segment_units=512, requirements=ROOMY)
    latest_ms = NOW_MS + 1000 * (BLOB_AGE_S - AUDIT_AGE_S)
    for deadline_ms, code in ((latest_ms, None), (latest_ms + 1000, "job.ageing_input")):
        found = await refusal_of(requester.claim(requester.order(JOB, deadline_ms, spec), NOW_MS), desk)
        assert found is None if code is None else found and found.code == code and "2027-03-01" in str(found)


async def test_an_order_says_what_it_brings_no_less_for_who_fetches_it_and_no_more_to_choose_verifiers(
    make_desk: MakeDesk, requester: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(blobs, "INPUT_BYTES_ANY", 999)
    desk, data = make_desk(), b"a text to learn from" * 50
    digest = await desk.blobs.put(data)  # type: ignore[attr-defined]
    await desk.blobs.keep(digest, data, requester.account)  # type: ignore[attr-defined]
    params = {"model": "1" * 64, "data": digest, "steps": 4, "segment_steps": 2}
    wrong = dict.fromkeys((0, 999, 1_001, 2**40), "job.impossible")
    for says, code in {**wrong, 1_000: None}.items():
        needs = ROOMY.model_copy(update={"input_bytes": says})
        spec = JobSpec(
            kind="finetune", params=params, inputs=(digest,), segments=2, segment_units=512, requirements=needs
        )
        assert await code_of(requester.claim(requester.order(JOB, SOON_MS, spec), NOW_MS), desk) == code
    monkeypatch.setattr(blobs, "INPUT_BYTES_ANY", 1_000)
    for says in (0, 1_000):
        small = spec.model_copy(update={"requirements": ROOMY.model_copy(update={"input_bytes": says})})
        assert await code_of(requester.claim(requester.order(JOB, SOON_MS, small), NOW_MS), desk) is None


@pytest.mark.parametrize(
    ("crowd", "code"),
    [
        *[((0, 0), None), ((1, 1), None), ((3, 6), None), ((50, 99), None)],
        *[(few, "job.unverifiable") for few in ((0, 1), (2, 3), (3, 7), (49, 99))],
    ],
)
async def test_an_order_that_leaves_less_than_half_of_the_verifiers_to_judge_it_is_refused(
    make_desk: MakeDesk, requester: Person, crowd: tuple[int, int], code: str | None
) -> None:
    claim = requester.claim(requester.order(JOB, SOON_MS), NOW_MS)
    assert await code_of(claim, make_desk(crowd=Crowd(*crowd))) == code


async def test_what_is_being_let_go_is_named_by_nobody_but_another_holder(
    make_desk: MakeDesk, requester: Person
) -> None:
    data = b"a text to learn from" * 50
    digest = blob_digest(data)
    params = {"model": "1" * 64, "data": digest, "steps": 4, "segment_steps": 2}
    spec = JobSpec(kind="finetune", params=params, inputs=(digest,), segments=2, segment_units=512, requirements=ROOMY)
    claim = requester.claim(requester.order(JOB, SOON_MS, spec), NOW_MS)
    own = make_desk(told={digest: requester.id}, leaving=frozenset({(requester.account, digest)}))
    foreign = make_desk(told={digest: requester.id}, leaving=frozenset({("ASTRANGER", digest)}))
    for desk in (own, foreign):
        await desk.blobs.keep(digest, data, "ASTRANGER")  # type: ignore[attr-defined]
        assert await code_of(claim, desk) == "job.missing_input"
        await desk.blobs.keep(digest, data, requester.account)  # type: ignore[attr-defined]
    assert await code_of(claim, own) == "job.missing_input"
    assert await code_of(claim, foreign) is None


async def test_a_job_is_withdrawn_by_whoever_submitted_it_while_it_lasts(
    make_desk: MakeDesk, requester: Person
) -> None:
    claim = requester.claim(requester.withdraw(derive_id("j", 9)), NOW_MS)
    foreign = {derive_id("j", 9): JobHeld("r" + "a" * 32, "running")}
    over = {derive_id("j", 9): JobHeld(requester.id, "settled")}
    assert await code_of(claim, make_desk(jobs=foreign)) == "job.unknown"
    assert await code_of(claim, make_desk(jobs={})) == "job.unknown"
    assert await code_of(claim, make_desk(jobs=over)) == "job.over"
