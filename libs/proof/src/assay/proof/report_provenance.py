"""What a receipt says went in and ran: the materials are those of the order, and what ran is what providers signed."""

from collections.abc import Iterator

from assay.proof.provenance import ProvenancePart, code_of, materials_of, runs_of
from assay.proof.report_reading import Check, Reading, verdict


def check_provenance(reading: Reading) -> Iterator[Check]:
    """The materials and runs, where the receipt has them."""
    if reading.predicate.provenance is not None:
        yield verdict("provenance", faults_of_provenance(reading), in_words(reading.predicate.provenance))


def faults_of_provenance(reading: Reading) -> Iterator[str]:
    provenance = reading.predicate.provenance
    assert provenance is not None
    if reading.order and provenance.materials != materials_of(reading.order.spec):
        yield "The materials are not those that the order names."
    signed = runs_of(commit for lease in reading.leases for commit in lease.commits)
    if (provenance.runs, provenance.code) != (signed, code_of(signed)):
        yield "What ran, and on what class of machine, is not what the commitments state that were signed."


def in_words(provenance: ProvenancePart) -> str:
    """What went in and ran."""
    said = "".join(
        f" {run.lease_id} ran on machines of class {(run.determinism_class or 'unsaid')[:12]}, code "
        f"{(run.code or 'unsaid')[:12]}, as its provider signed."
        for run in provenance.runs
    )
    return f"What went in is what the order names.{said}"
