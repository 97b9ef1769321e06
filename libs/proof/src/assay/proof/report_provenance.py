"""What a receipt says went in and ran: the materials are those of the order; what ran is said by the operator."""

from collections.abc import Iterator

from assay.proof.provenance import materials_of
from assay.proof.report_reading import Check, Reading, verdict


def check_provenance(reading: Reading) -> Iterator[Check]:
    """The materials and runs, where the receipt has them."""
    if reading.predicate.provenance is not None:
        yield verdict("provenance", faults_of_provenance(reading), "What went in is what the order names.")


def faults_of_provenance(reading: Reading) -> Iterator[str]:
    provenance = reading.predicate.provenance
    assert provenance is not None
    if reading.order and provenance.materials != materials_of(reading.order.spec):
        yield "The materials are not those that the order names."
    leases = {lease.part.lease_id for lease in reading.leases}
    for run in provenance.runs:
        if run.lease_id not in leases:
            yield f"It tells of {run.lease_id}, which is not in the receipt."
