"""AMD SEV-SNP: the firmware's attestation report, and the chain from the chip's key (VCEK) to AMD's root (ARK).

Layout: SEV Secure Nested Paging Firmware ABI, attestation report; VCEK certificate and KDS interface specification.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from Crypto.Hash import SHA384
from Crypto.PublicKey import ECC
from Crypto.Util.asn1 import DerInteger

from assay.proof.attestation.accepted import Accepted, Attested, check_terms
from assay.proof.attestation.certificate import UNREADABLE, Certificate, check_chain, is_ecdsa, read_certificate
from assay.proof.attestation.errors import BadReport, DebugAllowed, ForgedReport, OldFirmware, UntrustedChain

REPORT_BYTES: Final = 1184
SIGNED_BYTES: Final = 0x2A0
VERSIONS: Final = range(2, 6)
ECDSA_P384_SHA384: Final = 1
CURVE: Final = "NIST P-384"
NUMBER_BYTES, FIELD_BYTES = 72, 48
MIGRATION, DEBUG = 1 << 18, 1 << 19
VCEK: Final = 0
"""The report's key is that of the chip, not one that a cloud holds (VLEK)."""
LEVELS: Final = range(4)

ROOTS: Final[Mapping[str, str]] = {
    "9f056bee44377e29308cb5ffa895bdfb62d18881fa6bed8d6f075b0204089cb9": "Milan",
    "429a69c9422aa258ee4d8db5fcda9c6470ef15f8cd5a9cebd6cbc7d90b863831": "Genoa",
    "4f125410563a2ab9a50356f9243f6fe0b6f73de98603f53f90339c70e9d7ad08": "Turin",
}
"""AMD's roots: the SHA-256 of each ARK's public key, and the processors that it stands for."""

OLDER: Final = {"bootloader": 0, "tee": 1, "snp": 6, "microcode": 7}
NEWER: Final = {"fmc": 0, "bootloader": 1, "tee": 2, "snp": 3, "microcode": 7}
PLACES: Final = {"Turin": NEWER}
"""Which byte of a TCB version is which part of the firmware."""
PARTS: Final = {"bootloader": 1, "tee": 2, "snp": 3, "microcode": 8, "fmc": 9}
SPL: Final = "1.3.6.1.4.1.3704.1.3."
CHIP: Final = "1.3.6.1.4.1.3704.1.4"


@dataclass(frozen=True, slots=True)
class SnpEvidence:
    """What a provider presents: the report as the firmware made it, and three certificates in DER."""

    report: bytes
    vcek: bytes
    ask: bytes
    ark: bytes


@dataclass(frozen=True, slots=True)
class SnpReport:
    """The fields of a report that are looked at."""

    policy: int
    level: int
    signing_key: int
    carried: bytes
    measurement: bytes
    reported_tcb: bytes
    chip: bytes
    signed: bytes
    signature: bytes


def read_report(data: bytes) -> SnpReport:
    """The report of these bytes. Raises BadReport."""
    if len(data) != REPORT_BYTES:
        raise BadReport(f"A report has {REPORT_BYTES} bytes, not {len(data)}.")

    def number(at: int, size: int) -> int:
        return int.from_bytes(data[at : at + size], "little")

    if number(0x00, 4) not in VERSIONS or number(0x34, 4) != ECDSA_P384_SHA384:
        raise BadReport(f"Version {number(0x00, 4)} with the algorithm {number(0x34, 4)} is not known.")
    return SnpReport(
        policy=number(0x08, 8),
        level=number(0x30, 4),
        signing_key=number(0x48, 4) >> 2 & 7,
        carried=data[0x50:0x90],
        measurement=data[0x90:0xC0],
        reported_tcb=data[0x180:0x188],
        chip=data[0x1A0:0x1E0],
        signed=data[:SIGNED_BYTES],
        signature=big_endian(number(SIGNED_BYTES, NUMBER_BYTES), number(SIGNED_BYTES + NUMBER_BYTES, NUMBER_BYTES)),
    )


def big_endian(r: int, s: int) -> bytes:
    """The two numbers of a signature as they are checked. Raises BadReport for one that no signature has."""
    if max(r, s).bit_length() > 8 * FIELD_BYTES:
        raise BadReport("A number of the signature is too large.")
    return r.to_bytes(FIELD_BYTES, "big") + s.to_bytes(FIELD_BYTES, "big")


def verify_snp(
    evidence: SnpEvidence,
    expected: bytes,
    accepted: Accepted,
    now_ms: int,
    roots: Mapping[str, str] = ROOTS,
) -> Attested:
    """What the report attests; `expected` is the `binding` that it must carry. Raises NotAttested, by its reason."""
    report = read_report(evidence.report)
    chain = [read_certificate(der) for der in (evidence.vcek, evidence.ask, evidence.ark)]
    check_chain(chain, roots, now_ms)
    check_signature(report, chain[0])
    if report.policy & (DEBUG | MIGRATION):
        raise DebugAllowed(f"The policy is {report.policy:#x}.")
    firmware = firmware_of(report, chain[0], roots[chain[-1].key_digest])
    found = Attested("sev-snp", report.measurement.hex(), firmware)
    return check_terms(found, report.carried, expected, accepted)


def check_signature(report: SnpReport, vcek: Certificate) -> None:
    """Raise unless the chip that the certificate is for signed the report, for a guest."""
    if report.signing_key != VCEK or report.level not in LEVELS:
        raise UntrustedChain("Only a guest's report under the chip's own key is taken.")
    try:
        point = ECC.import_key(vcek.public_key)
    except UNREADABLE:
        raise BadReport("The certificate's key is none.") from None
    if point.curve != CURVE or not is_ecdsa(point, SHA384, report.signed, report.signature):
        raise ForgedReport("The signature is not that of the certificate's key.")
    if vcek.extensions.get(CHIP) != report.chip:
        raise ForgedReport("The certificate is for another chip.")


def firmware_of(report: SnpReport, vcek: Certificate, product: str) -> dict[str, int]:
    """The versions of the firmware. Raises OldFirmware if the certificate is for another one."""
    versions = {name: report.reported_tcb[at] for name, at in PLACES.get(product, OLDER).items()}
    certified = {name: part_of(vcek, PARTS[name]) for name in versions}
    if certified != versions:
        raise OldFirmware(f"The certificate is for {certified}, and the report says {versions}.")
    return versions


def part_of(vcek: Certificate, part: int) -> int | None:
    """The version of one part that the certificate is for; None if it does not say."""
    try:
        return int(DerInteger().decode(vcek.extensions[f"{SPL}{part}"]).value)
    except KeyError:
        return None
    except UNREADABLE:
        raise BadReport("The certificate's firmware cannot be read.") from None
