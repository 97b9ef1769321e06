import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.proof import Domain, Key, check_order, sign_order, spec_digest
from assay.schema.errors import Refused
from assay.schema.job import JobSpec, JobSubmitted
from assay.schema.values import Policy, Requirements, Role, derive_id, participant_id

KEY = Key.from_hex("21" * 32)
DOMAIN = Domain(5, "0x" + "ab" * 20)
ME = participant_id(Role.REQUESTER, KEY.address)

plain = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**80), 2**80)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
specs = st.builds(
    JobSpec,
    kind=st.just("noop"),
    params=st.dictionaries(st.text(), plain, max_size=4),
    segments=st.integers(1, 10_000),
    segment_units=st.integers(1, 2**53 - 1),
    requirements=st.builds(Requirements, memory_bytes=st.integers(0, 2**50)),
    policy=st.builds(Policy, audit_segments=st.integers(1, 100)),
)


def submit(spec: JobSpec) -> JobSubmitted:
    terms = {"job_id": derive_id("j", 1), "requester": ME, "spec": spec, "price_limit": 10, "deadline_ms": 1_000_999}
    return JobSubmitted(**terms, order_signature=sign_order(KEY, DOMAIN, **terms))


@given(specs)
def test_the_digest_of_a_spec_survives_the_wire(spec: JobSpec) -> None:
    assert spec_digest(JobSpec.model_validate_json(spec.model_dump_json())) == spec_digest(spec)
    assert spec_digest(JobSpec.model_validate_json(spec.model_dump_json(exclude_defaults=True))) == spec_digest(spec)


@given(specs)
def test_the_digest_of_a_spec_does_not_depend_on_the_order_of_its_keys(spec: JobSpec) -> None:
    backwards = dict(reversed(json.loads(spec.model_dump_json()).items()))
    backwards["params"] = dict(reversed(spec.params.items()))
    assert spec_digest(JobSpec.model_validate(backwards)) == spec_digest(spec)


def test_a_spec_has_the_digest_it_had() -> None:
    spec = JobSpec(kind="noop", params={"b": 1, "a": [1.5, "ü"]}, segments=2, segment_units=3)
    assert spec_digest(spec) == "e5d650bf868d3760dbe4440dd43ae5996f6c61d58167f794d5dfc93d602fee92"


@given(specs)
def test_a_signed_order_holds(spec: JobSpec) -> None:
    check_order(submit(spec), DOMAIN)


@pytest.mark.parametrize(
    "change",
    [
        {"job_id": derive_id("j", 2)},
        {"price_limit": 11},
        {"deadline_ms": 1_001_000},
        {"requester": participant_id(Role.REQUESTER, "0x" + "01" * 20)},
        {"spec": JobSpec(kind="noop", segments=2, segment_units=3)},
        {"order_signature": "0x" + "00" * 65},
    ],
    ids=lambda change: next(iter(change)),
)
def test_an_order_holds_for_no_other_terms(change: dict[str, object]) -> None:
    event = submit(JobSpec(kind="noop", segments=1, segment_units=3))
    with pytest.raises(Refused) as caught:
        check_order(event.model_copy(update=change), DOMAIN)
    assert caught.value.code == "job.bad_order"


def test_an_order_for_one_chain_is_none_for_another() -> None:
    with pytest.raises(Refused, match="bad_order"):
        check_order(submit(JobSpec(kind="noop", segments=1, segment_units=3)), Domain(6, DOMAIN.verifying_contract))
