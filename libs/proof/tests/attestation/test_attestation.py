"""Reports of confidential machines: what is genuine is taken, each thing that is wrong has its own name."""

from dataclasses import replace
from functools import cache
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from libs.proof.tests.attestation.making import (
    EXPECTED,
    FIRMWARE,
    MEASUREMENT,
    NOW_MS,
    Snp,
    Tdx,
    snp_roots,
    tdx_roots,
)

from assay.proof.attestation import (
    Accepted,
    Attested,
    BadReport,
    DebugAllowed,
    ForgedReport,
    NotAttested,
    OldFirmware,
    SnpEvidence,
    UnboundReport,
    UnknownImage,
    UntrustedChain,
    binding,
    verify_snp,
    verify_tdx,
)
from assay.proof.attestation.snp import ROOTS
from assay.proof.attestation.tdx import read_quote
from assay.proof.policy import Classes, Reputation, Terms, attest, choose

ACCEPTED = Accepted(frozenset({MEASUREMENT.hex()}), {"snp": 8, "microcode": 100})


@cache
def genuine() -> SnpEvidence:
    return Snp().evidence


@cache
def quote() -> bytes:
    return Tdx().quote


def snp(evidence: SnpEvidence | None = None, accepted: Accepted = ACCEPTED, now_ms: int = NOW_MS) -> Attested:
    return verify_snp(evidence or genuine(), EXPECTED, accepted, now_ms, snp_roots())


def tdx(data: bytes | None = None, accepted: Accepted | None = None, now_ms: int = NOW_MS) -> Attested:
    listed = Accepted(frozenset({read_quote(quote()).measurement}), {"tdx_0": 3})
    return verify_tdx(quote() if data is None else data, EXPECTED, accepted or listed, now_ms, tdx_roots())


def test_a_genuine_report_attests_its_image_and_its_firmware() -> None:
    assert snp() == Attested("sev-snp", MEASUREMENT.hex(), FIRMWARE)
    found = tdx()
    assert (found.technology, found.firmware["tdx_0"], found.firmware["tdx_2"]) == ("tdx", 3, 4)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"policy": 0x30000 | 1 << 19}, DebugAllowed),
        ({"policy": 0x30000 | 1 << 18}, DebugAllowed),
        ({"flags": 1 << 2}, UntrustedChain),
        ({"level": 2**32 - 1}, UntrustedChain),
        ({"chip": bytes(64)}, ForgedReport),
        ({"certified": FIRMWARE | {"snp": 9}}, OldFirmware),
        ({"certified": {}}, OldFirmware),
        ({"carried": binding("pother", "c" * 64, "5" * 64)}, UnboundReport),
        ({"carried": binding("pprovider", "d" * 64, "5" * 64)}, UnboundReport),
        ({"carried": binding("pprovider", "c" * 64, "6" * 64)}, UnboundReport),
        ({"issuer": "other"}, UntrustedChain),
        ({"root": "other"}, UntrustedChain),
        ({"until": "20260101000000Z"}, UntrustedChain),
        ({"is_authority": False}, UntrustedChain),
    ],
)
def test_whatever_is_wrong_with_an_snp_report_has_its_name(changes: dict[str, Any], reason: type[NotAttested]) -> None:
    with pytest.raises(reason):
        snp(Snp().but(**changes).evidence)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"attributes": 1}, DebugAllowed),
        ({"module": bytes(55) + b"\1"}, UntrustedChain),
        ({"signer": bytes(32)}, UntrustedChain),
        ({"enclave_flags": 0x17}, UntrustedChain),
        ({"vouched": b"\1" * 64}, ForgedReport),
        ({"carried": bytes(64)}, UnboundReport),
        ({"version": 5}, BadReport),
    ],
)
def test_whatever_is_wrong_with_a_tdx_quote_has_its_name(changes: dict[str, Any], reason: type[NotAttested]) -> None:
    with pytest.raises(reason):
        tdx(Tdx().but(**changes).quote)


def test_what_the_operator_does_not_take_attests_nothing() -> None:
    for check in (snp, tdx):
        with pytest.raises(UnknownImage):
            check(accepted=Accepted(frozenset()))
        for now_ms in (0, 2**52):
            with pytest.raises(UntrustedChain):
                check(now_ms=now_ms)
    for name in ("microcode", "fmc"):
        with pytest.raises(OldFirmware):
            snp(accepted=Accepted(ACCEPTED.measurements, {name: 116}))
    with pytest.raises(UntrustedChain, match="no vendor's"):
        verify_snp(genuine(), EXPECTED, ACCEPTED, NOW_MS, ROOTS)
    with pytest.raises(UntrustedChain, match="no vendor's"):
        verify_tdx(quote(), EXPECTED, ACCEPTED, NOW_MS)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 0x2A0 + 143), st.integers(1, 255))
def test_no_byte_of_an_snp_report_can_be_changed(at: int, flip: int) -> None:
    report = bytearray(genuine().report)
    report[at] ^= flip
    with pytest.raises(NotAttested):
        snp(replace(genuine(), report=bytes(report)))


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 3_000), st.integers(0, 255))
def test_a_tdx_quote_that_was_changed_or_cut_attests_nothing_else(at: int, flip: int) -> None:
    whole = quote()
    changed = whole[:at] + bytes([flip]) + whole[at + 1 :] if flip % 2 else whole[:at]
    try:
        assert tdx(changed) == tdx()
    except NotAttested:
        assert changed != whole


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(["report", "vcek", "ask", "ark"]), st.binary(max_size=40), st.integers(0, 900))
def test_rubbish_in_any_part_is_refused_by_type(part: str, rubbish: bytes, at: int) -> None:
    whole = getattr(genuine(), part)
    cut = whole[:at] + rubbish
    assume(cut != whole)
    with pytest.raises(NotAttested):
        snp(replace(genuine(), **{part: cut}))


def test_a_report_halves_the_draws_that_find_and_none_of_those_that_deter() -> None:
    terms, known = Terms(segments=20_000, pay=10**9, stake=2 * 10**9), Reputation(passed_epochs=8)
    without, halved = (choose(terms, known, attest(Classes(), each)).chosen for each in (None, snp()))
    assert halved.k == -(-without.k // 2)
    assert choose(terms, Reputation(), attest(Classes(), snp())).chosen.k == choose(terms).chosen.k == 270
    poor = Terms(segments=20_000, pay=10**9, stake=1)
    assert choose(poor, known, attest(Classes(), snp())).deters == choose(poor, known).deters
