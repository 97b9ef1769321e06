"""Reports as providers present them: what the operator trusts stands, everything else is found by its name."""

import base64
from typing import Any

import pytest
from libs.proof.tests.attestation.making import MEASUREMENT, NOW_MS, Snp, Tdx, snp_roots, tdx_roots
from pydantic import ValidationError

from assay.proof.attestation import SnpEvidence, binding
from assay.proof.attestation.tdx import read_quote
from assay.proof.presented import TDX, Trusted, find_in
from assay.schema.attestation import PresentedReport
from assay.schema.values import NO_DIGEST

PROVIDER, MACHINE = "p" + "a" * 32, "c" * 64
BOUND = binding(PROVIDER, MACHINE, NO_DIGEST)
HONEST = Snp(carried=BOUND)


def trusted(**changes: Any) -> Trusted:
    plain = {"roots": snp_roots() | dict.fromkeys(tdx_roots(), TDX), "measurements": frozenset({MEASUREMENT.hex()})}
    return Trusted(**plain | changes)


def in_text(*parts: bytes) -> tuple[str, ...]:
    return tuple(base64.b64encode(part).decode() for part in parts)


def parts_of(evidence: SnpEvidence) -> tuple[str, ...]:
    return in_text(evidence.report, evidence.vcek, evidence.ask, evidence.ark)


def presented(parts: tuple[str, ...], technology: Any = "sev-snp", machine: str = MACHINE) -> PresentedReport:
    return PresentedReport(technology=technology, machine=machine, evidence=parts)


def code_of(report: PresentedReport, whose: str = PROVIDER, now_ms: int = NOW_MS, **changes: Any) -> str | None:
    return find_in(report, whose, trusted(**changes), now_ms).code


def test_what_the_operator_trusts_stands_under_the_reports_digest() -> None:
    found = find_in(presented(parts_of(HONEST.evidence)), PROVIDER, trusted(), NOW_MS)
    assert found.stands and found.machine == MACHINE and found.reason == ""
    quote = Tdx(carried=BOUND).quote
    images = frozenset({read_quote(quote).measurement})
    # Least versions of the other technology's firmware are not asked of it.
    of_tdx = find_in(
        presented(in_text(quote), "tdx"), PROVIDER, trusted(measurements=images, firmware_min={"snp": 9}), NOW_MS
    )
    assert of_tdx.stands and of_tdx.report != found.report


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"policy": 0x30000 | 1 << 19}, "attestation.debug"),
        ({"chip": bytes(64)}, "attestation.forged"),
        ({"carried": binding("p" + "b" * 32, MACHINE, NO_DIGEST)}, "attestation.unbound"),
        ({"carried": binding(PROVIDER, "d" * 64, NO_DIGEST)}, "attestation.unbound"),
        ({"certified": {}}, "attestation.outdated"),
        ({"until": "20260101000000Z"}, "attestation.untrusted"),
    ],
)
def test_whatever_is_wrong_with_a_report_is_found_by_its_code(changes: dict[str, Any], code: str) -> None:
    assert code_of(presented(parts_of(HONEST.but(**changes).evidence))) == code


def test_what_the_operator_does_not_trust_attests_nothing() -> None:
    honest = presented(parts_of(HONEST.evidence))
    assert code_of(honest, roots={}) == "attestation.untrusted"
    assert code_of(honest, roots=dict.fromkeys(snp_roots(), TDX)) == "attestation.untrusted"
    assert code_of(honest, measurements=frozenset()) == "attestation.unmeasured"
    assert code_of(honest, firmware_min={"snp": 9}) == "attestation.outdated"
    assert code_of(honest, challenge="5" * 64) == "attestation.unbound", "from before the challenge was changed"
    assert code_of(honest, whose="p" + "b" * 32) == "attestation.unbound", "another's"
    assert find_in(honest, PROVIDER, Trusted(), NOW_MS).code == "attestation.untrusted", "nothing is trusted by itself"


def test_parts_that_are_none_are_malformed() -> None:
    whole = parts_of(HONEST.evidence)
    for parts in (("a reason",), whole[:3], ("é", *whole[1:]), ("", *whole[1:]), (whole[1], *whole[1:])):
        assert code_of(presented(parts)) == "attestation.malformed"
    assert code_of(presented(whole, "tdx")) == "attestation.malformed"


def test_evidence_has_a_limit() -> None:
    with pytest.raises(ValidationError):
        presented(("A" * 22_004,))
    with pytest.raises(ValidationError, match="36000"):
        presented(("A" * 20_000, "A" * 20_000))
