"""What a receipt says that verifiers answered about this job's drawn segments, each answer in words."""

from collections.abc import Iterator
from typing import Final

from assay.proof.provenance import AuditPart, EpochPart
from assay.proof.report_reading import Check, Reading, verdict

WORDS: Final = {
    "agreed": "agrees",
    "differed": "differs, and stands",
    "overruled": "was overruled and loses its bond",
}
SHOWN: Final = 12


def check_audits(reading: Reading) -> Iterator[Check]:
    """Each answer about a segment of the job's own leases."""
    own = {lease.part.lease_id for lease in reading.leases}
    for part in reading.predicate.epochs:
        for audit in (each for each in part.audits if each.lease_id in own):
            name = f"{part.name}: segment {audit.segment} of {audit.lease_id}, {audit.verifier[:SHOWN]}"
            yield verdict(name, faults_of_audit(part, audit, reading), sentence_of(audit))


def sentence_of(audit: AuditPart) -> str:
    """The answer in words."""
    place = f"segment {audit.segment} of lease {audit.lease_id}"
    return f"{audit.verifier[:SHOWN]} answered for {place} by {audit.method}: {WORDS[audit.outcome]}."


def faults_of_audit(part: EpochPart, audit: AuditPart, reading: Reading) -> Iterator[str]:
    """An answer by another method than the verdict's finding about the segment."""
    findings = [
        finding
        for said in reading.predicate.verdicts
        if (said.lease_id, said.epoch_id) == (audit.lease_id, part.epoch_id)
        for finding in said.findings
        if finding.segment == audit.segment
    ]
    if audit.method not in {finding.method for finding in findings}:
        yield f"The verdict has no finding about segment {audit.segment} by {audit.method}."
