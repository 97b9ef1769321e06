"""A report that a provider presents, held against what the operator trusts; nothing is trusted unless it is named.

The verifiers of reports are loaded when there is one: they bring more of cryptography than a service without any needs.
"""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from blake3 import blake3

from assay.schema.attestation import PresentedReport, ReportFinding
from assay.schema.values import NO_DIGEST, Digest

if TYPE_CHECKING:
    from assay.proof.attestation import Accepted, Attested

TDX: Final = "TDX"
"""What a root of Intel's stands for; AMD's stand for a processor each."""
TDX_PART: Final = "tdx_"
SNP_PARTS: Final = 4
REASON_CHARS_MAX: Final = 400


@dataclass(frozen=True, slots=True)
class Trusted:
    """What the operator trusts: roots by the SHA-256 of their public keys, with what they stand for; images; versions.

    `challenge` is what reports must be bound to: whoever changes it takes no older ones.
    """

    roots: Mapping[str, str] = field(default_factory=dict)
    measurements: frozenset[str] = frozenset()
    firmware_min: Mapping[str, int] = field(default_factory=dict)
    challenge: Digest = NO_DIGEST

    def accepted(self, technology: str) -> "Accepted":
        """Images, and the least versions of this technology's firmware."""
        from assay.proof.attestation import Accepted

        is_tdx = technology == "tdx"
        least = {name: v for name, v in self.firmware_min.items() if name.startswith(TDX_PART) == is_tdx}
        return Accepted(self.measurements, least)


def find_in(presented: PresentedReport, provider: str, trusted: Trusted, now_ms: int) -> ReportFinding:
    """What is found in a report that a provider presents: that it stands, or by its code why it attests nothing."""
    from assay.proof.attestation import NotAttested

    names = {"technology": presented.technology, "report": report_digest(presented), "machine": presented.machine}
    try:
        check_presented(presented, provider, trusted, now_ms)
    except NotAttested as refusal:
        return ReportFinding(**names, code=refusal.code, reason=refusal.detail[:REASON_CHARS_MAX])
    return ReportFinding(**names)


def check_presented(presented: PresentedReport, provider: str, trusted: Trusted, now_ms: int) -> "Attested":
    """What the report attests. Raises NotAttested, by its reason."""
    from assay.proof.attestation import BadReport, SnpEvidence, binding, verify_snp, verify_tdx

    parts, accepted = read_parts(presented), trusted.accepted(presented.technology)
    expected = binding(provider, presented.machine, trusted.challenge)
    if len(parts) != (SNP_PARTS if presented.technology == "sev-snp" else 1):
        raise BadReport(f"It has {len(parts)} parts.")
    if presented.technology == "tdx":
        roots = frozenset(root for root, name in trusted.roots.items() if name == TDX)
        return verify_tdx(parts[0], expected, accepted, now_ms, roots)
    products = {root: name for root, name in trusted.roots.items() if name != TDX}
    return verify_snp(SnpEvidence(*parts), expected, accepted, now_ms, products)


def read_parts(presented: PresentedReport) -> list[bytes]:
    """The parts as they were recorded. Raises BadReport."""
    from assay.proof.attestation import BadReport

    try:
        return [base64.b64decode(part, validate=True) for part in presented.evidence]
    except (binascii.Error, ValueError):
        raise BadReport("A part is not base64.") from None


def report_digest(presented: PresentedReport) -> Digest:
    """The digest by which a report is named wherever it counted."""
    return str(blake3(presented.model_dump_json().encode()).hexdigest())
