from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.proof import Domain, Key, check_raw, check_signature, sign_event
from assay.schema import Envelope, decode
from assay.schema.errors import Refused
from assay.schema.lease import LeaseStarted
from assay.schema.values import Role, derive_id, participant_id

KEY = Key.from_hex("07" * 32)
DOMAIN = Domain(1, "0x" + "11" * 20)
ME = participant_id(Role.PROVIDER, KEY.address)
EVENT = LeaseStarted(lease_id=derive_id("l", 1), job_id=derive_id("j", 1), provider=ME, fence=1)
SAID = sign_event(KEY, DOMAIN, EVENT, ME, 1_800_000_000_123)
SIGNED_HEADERS = ("ce-type", "ce-id", "ce-source", "ce-time", "ce-signature")


def test_a_signed_statement_is_its_sources() -> None:
    assert check_raw(SAID.headers(), SAID.data, DOMAIN) == ME
    check_signature(SAID, DOMAIN)
    check_signature(decode(SAID.headers(), SAID.data), DOMAIN)


@given(st.integers(0, 8 * len(SAID.data) - 1))
def test_any_flipped_bit_of_the_data_is_found_before_it_is_parsed(bit: int) -> None:
    flipped = (int.from_bytes(SAID.data, "big") ^ (1 << bit)).to_bytes(len(SAID.data), "big")
    with pytest.raises(Refused) as caught:
        check_raw(SAID.headers(), flipped, DOMAIN)
    assert caught.value.code == "event.forged"


@settings(max_examples=100)
@given(st.sampled_from(SIGNED_HEADERS), st.data())
def test_any_changed_character_of_a_signed_header_is_found(name: str, data: st.DataObject) -> None:
    headers = SAID.headers()
    place = data.draw(st.integers(0, len(headers[name]) - 1))
    other = data.draw(st.characters(codec="ascii").filter(lambda character: character != headers[name][place]))
    headers[name] = headers[name][:place] + other + headers[name][place + 1 :]
    with pytest.raises(Refused) as caught:
        check_raw(headers, SAID.data, DOMAIN)
    assert caught.value.code in {"event.forged", "event.malformed"}


@pytest.mark.parametrize("name", SIGNED_HEADERS)
def test_a_missing_header_is_named(name: str) -> None:
    headers = {key: value for key, value in SAID.headers().items() if key != name}
    with pytest.raises(Refused) as caught:
        check_raw(headers, SAID.data, DOMAIN)
    assert caught.value.code == ("event.unsigned" if name == "ce-signature" else "event.malformed")


def test_a_statement_for_one_deployment_is_none_for_another() -> None:
    for domain in (Domain(2, DOMAIN.verifying_contract), Domain(1, "0x" + "12" * 20)):
        with pytest.raises(Refused, match="forged"):
            check_signature(SAID, domain)


def test_nobody_speaks_for_another_id() -> None:
    other = participant_id(Role.PROVIDER, Key.from_hex("08" * 32).address)
    with pytest.raises(Refused, match="forged"):
        check_signature(sign_event(KEY, DOMAIN, EVENT, other, 1), DOMAIN)
    for source in ("gateway", "p" + "a" * 31, "p" + "1" * 32, ""):
        with pytest.raises(Refused, match="forged"):
            check_raw({**SAID.headers(), "ce-source": source}, SAID.data, DOMAIN)


def test_nobody_takes_the_id_of_an_event_to_come() -> None:
    ours: Envelope[LeaseStarted] = Envelope.wrap(EVENT, "matching", 1, cause="e1")
    stolen = replace(SAID, id=ours.id)
    signature = KEY.sign(stolen_digest(stolen))
    with pytest.raises(Refused, match="id does not follow"):
        check_signature(replace(stolen, signature=signature), DOMAIN)


def stolen_digest(said: Envelope[LeaseStarted]) -> bytes:
    from assay.proof import statement_digest

    return statement_digest(DOMAIN, said.event.type, said.id, said.source, said.time_ms, said.data)


@pytest.mark.parametrize("time", ["", "yesterday", "2026-01-01", "2026-01-01T00:00:00Z", "1969-12-31T23:59:59.999Z"])
def test_a_time_has_one_form(time: str) -> None:
    with pytest.raises(Refused) as caught:
        check_raw({**SAID.headers(), "ce-time": time}, SAID.data, DOMAIN)
    assert caught.value.code == "event.malformed"
