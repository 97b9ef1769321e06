"""Attestation: recorded reports of confidential machines, verified offline; they lower the rate of audits, no more.

Such a report says that a key and a class of machine belong to a measured image on genuine hardware, not that a result
is true; and hardware has been made to sign what it should not have (TEE.Fail, 2025). So a cheat is deterred without it,
and only the draws that find a share are fewer (`assay.proof.policy`). Tried on recorded and made-up reports alone: no
such machine was at hand.
"""

from assay.proof.attestation.accepted import Accepted, Attested, binding
from assay.proof.attestation.errors import (
    BadReport,
    DebugAllowed,
    ForgedReport,
    NotAttested,
    OldFirmware,
    UnboundReport,
    UnknownImage,
    UntrustedChain,
)
from assay.proof.attestation.snp import SnpEvidence, verify_snp
from assay.proof.attestation.tdx import verify_tdx

__all__ = [
    "Accepted",
    "Attested",
    "BadReport",
    "DebugAllowed",
    "ForgedReport",
    "NotAttested",
    "OldFirmware",
    "SnpEvidence",
    "UnboundReport",
    "UnknownImage",
    "UntrustedChain",
    "binding",
    "verify_snp",
    "verify_tdx",
]
