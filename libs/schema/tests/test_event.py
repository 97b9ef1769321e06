"""The envelope, the subjects and the registry."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.schema import REGISTRY, Envelope, decode, stream_of
from assay.schema.errors import REFUSALS, Refusal, Refused
from assay.schema.event import EVENT_BYTES_MAX, from_rfc3339, to_rfc3339
from assay.schema.job import JobWithdrawn
from assay.schema.values import (
    PARTICIPANTS,
    Role,
    address_of,
    cost_of,
    decode_token,
    encode_token,
    job_word,
    participant_id,
)

GOLDEN = Path(__file__).parent / "golden"
JOB, REQUESTER = "j" + "a" * 26, "r" + "a" * 32


@pytest.mark.parametrize("name", sorted(REGISTRY))
def test_every_event_has_a_golden_wire_form_that_decodes_to_itself(name: str) -> None:
    golden = json.loads((GOLDEN / f"{name}.json").read_text())
    said = decode(golden["headers"], golden["data"].encode())
    assert said.event.type == name
    assert (said.subject, said.headers()) == (golden["subject"], golden["headers"])
    assert Envelope.wrap(said.event, said.source, said.time_ms, said.cause).data == said.data


@pytest.mark.parametrize("name", sorted(REGISTRY))
def test_every_subject_has_five_tokens_and_a_stream(name: str) -> None:
    golden = json.loads((GOLDEN / f"{name}.json").read_text())
    assert len(golden["subject"].split(".")) == 5
    assert golden["subject"].split(".")[1] in stream_of(REGISTRY[name]).entities


def test_the_same_fact_from_the_same_cause_is_one_event() -> None:
    event = JobWithdrawn(job_id=JOB, requester=REQUESTER)
    one, again = (Envelope.wrap(event, "matching", time, cause="e1") for time in (1, 2))
    assert one.id == again.id
    assert Envelope.wrap(event, "matching", 1, cause="e2").id != one.id
    assert Envelope.wrap(event, "matching", 1, cause="e1", turn=1).id != one.id


def test_an_unknown_field_is_ignored_and_an_unknown_enum_value_is_an_error() -> None:
    golden = json.loads((GOLDEN / "lease.slashed.json").read_text())
    data = json.loads(golden["data"])
    newer = json.dumps(data | {"news": 1}).encode()
    assert decode(golden["headers"], newer).event == decode(golden["headers"], golden["data"].encode()).event
    with pytest.raises(Refused, match="reason") as refused:
        decode(golden["headers"], json.dumps(data | {"reason": "because"}).encode())
    assert refused.value.code == "event.malformed"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"ce-type": "assay.job.invented"}, "event.unknown"),
        ({"ce-type": ""}, "event.unknown"),
        ({"ce-time": "yesterday"}, "event.malformed"),
        ({"ce-id": None}, "event.malformed"),
    ],
)
def test_a_bad_header_is_refused_with_a_code(change: dict[str, str | None], code: str) -> None:
    golden = json.loads((GOLDEN / "job.withdrawn.json").read_text())
    headers = {k: v for k, v in (golden["headers"] | change).items() if v is not None}
    with pytest.raises(Refused) as refused:
        decode(headers, golden["data"].encode())
    assert refused.value.code == code


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("lease.committed", {"metrics": {"loss": float("nan")}}),
        ("lease.committed", {"metrics": {"loss": float("-inf")}}),
        ("lease.committed", {"compute_ms": 2**53}),
        ("audit.revealed", {"compute_ms": 10**30}),
    ],
)
def test_a_number_that_could_not_be_written_again_is_malformed(name: str, change: dict[str, object]) -> None:
    golden = json.loads((GOLDEN / f"{name}.json").read_text())
    with pytest.raises(Refused, match=next(iter(change))) as refused:
        decode(golden["headers"], json.dumps(json.loads(golden["data"]) | change).encode())
    assert refused.value.code == "event.malformed"


@pytest.mark.parametrize("name", sorted(name for name in REGISTRY if REGISTRY[name].by in PARTICIPANTS))
def test_every_whole_number_that_a_participant_says_fits_a_table(name: str) -> None:
    schema = REGISTRY[name].model_json_schema()
    bounds = {path: bound for path, bound in numbers_of(schema, schema.get("$defs", {}), name)}
    assert {path: bound for path, bound in bounds.items() if not 0 <= bound < 2**128} == {}
    # What is as large is money, which the tables keep in decimals.
    assert all(path.endswith(("price", "limit")) for path, bound in bounds.items() if bound >= 2**63)


def numbers_of(schema: dict[str, Any], parts: dict[str, Any], path: str) -> Iterator[tuple[str, int]]:
    """Each whole number of a schema, and the largest that it may be; -1 where that is not said."""
    schema = parts[schema["$ref"].split("/")[-1]] if "$ref" in schema else schema
    if schema.get("type") == "integer":
        yield path, schema.get("maximum", schema.get("exclusiveMaximum", 0) - 1)
    for field, part in schema.get("properties", {}).items():
        yield from numbers_of(part, parts, f"{path}.{field}")
    for part in (*schema.get("anyOf", ()), *schema.get("prefixItems", ()), schema.get("items")):
        if part:
            yield from numbers_of(part, parts, path)


@given(st.binary(max_size=300))
def test_no_data_makes_decode_raise_anything_but_a_refusal(data: bytes) -> None:
    headers = {"ce-type": "assay.job.withdrawn", "ce-id": "e1", "ce-source": REQUESTER, "ce-time": to_rfc3339(0)}
    with pytest.raises(Refused):
        decode(headers, data)


def test_an_oversized_event_is_refused_before_it_is_parsed() -> None:
    with pytest.raises(Refused) as refused:
        decode({}, b"x" * (EVENT_BYTES_MAX + 1))
    assert refused.value.code == "event.oversized"


@given(st.integers(min_value=0, max_value=4_000_000_000_000))
def test_a_time_survives_the_wire_to_the_millisecond(time_ms: int) -> None:
    assert from_rfc3339(to_rfc3339(time_ms)) == time_ms


@given(st.binary(min_size=20, max_size=20), st.sampled_from([Role.PROVIDER, Role.REQUESTER, Role.VERIFIER]))
def test_an_id_holds_its_address(raw: bytes, role: Role) -> None:
    assert address_of(participant_id(role, "0x" + raw.hex())) == "0x" + raw.hex()
    assert decode_token(encode_token(raw)) == raw


def test_a_job_id_fits_the_contracts_word() -> None:
    assert len(job_word(JOB)) == 32


@given(st.integers(0, 2**60), st.integers(0, 2**60), st.integers(0, 10**9))
def test_the_parts_of_a_cost_never_exceed_the_whole(a: int, b: int, price: int) -> None:
    assert cost_of(a, price) + cost_of(b, price) <= cost_of(a + b, price)


@pytest.mark.parametrize("code", sorted(REFUSALS))
def test_a_refusal_survives_the_wire_and_says_what_to_do(code: str) -> None:
    wire = Refusal.of(Refused(code, "a detail.")).model_dump_json()
    error = Refusal.model_validate_json(wire).error()
    assert (error.code, error.detail) == (code, "a detail.")
    assert str(error).endswith(".")
