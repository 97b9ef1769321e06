"""What a receipt says the requester asked for and got."""

from collections.abc import Iterator

from assay.proof.order import check_order, spec_digest
from assay.proof.report_reading import Check, Reading, verdict
from assay.schema.errors import AssayError


def check_terms(reading: Reading) -> Iterator[Check]:
    """The requester's order: signed for Payment, for this job and this spec."""
    yield verdict("order: terms", faults_of_terms(reading), "The requester's order is for this job and spec.")


def faults_of_terms(reading: Reading) -> Iterator[str]:
    order, predicate = reading.order, reading.predicate
    if order is None:
        yield "There is no order that the requester signed."
        return
    if predicate.order.source != order.requester:
        yield "The order speaks for another requester."
    if order.job_id != predicate.job:
        yield "The order is for another job."
    if spec_digest(order.spec) != predicate.spec_digest:
        yield "The spec's digest is not that of the ordered spec."
    try:
        check_order(order, predicate.deployment.domain)
    except AssayError as error:
        yield f"The order's own signature does not hold: {error.detail}"


def check_subject(reading: Reading) -> Iterator[Check]:
    """The subject: the result that the executing lease's provider signed for."""
    subject = reading.statement.subject[0]
    results = [lease.executed.result for lease in reading.leases if lease.executed]
    name, digest = ("result", results[-1]) if results else ("spec", reading.predicate.spec_digest)
    holds = (subject.name, subject.digest.blake3) == (name, digest)
    yield Check(
        "subject", holds, f"The subject is the {name} {digest}." if holds else f"The subject is not the {name}."
    )
