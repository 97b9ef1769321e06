"""What a report of a confidential machine changes: the draws that find a share are half, those that deter are not."""

from dataclasses import replace
from typing import TYPE_CHECKING

from assay.proof.economics import MILLION
from assay.proof.policy.pricing import ATTESTED_MIN_PPM
from assay.proof.policy.terms import Classes

if TYPE_CHECKING:
    # Its package reads certificates, with more of cryptography than any policy needs.
    from assay.proof.attestation.accepted import Attested
    from assay.schema.values import Digest


def attest(classes: Classes, found: "Attested | Digest | None") -> Classes:
    """What is known of machines, with a report that was verified, itself or by its digest, or without one."""
    return replace(classes, attested_ppm=ATTESTED_MIN_PPM if found else MILLION)
