"""What a receipt says the providers did: every chain of commitments, every root.

A lease that its verdict rejects may break: then the break is what the verdict says, and the receipt is right.
"""

from collections.abc import Iterable, Iterator

from assay.proof.commitment import check_chain, root_of
from assay.proof.report_reading import Check, LeaseReading, Reading, verdict
from assay.schema.errors import AssayError
from assay.schema.lease import ResumePoint


def check_leases(reading: Reading) -> Iterator[Check]:
    """Each lease's statements, chain and root; each resumed lease carries on from a segment that this receipt holds."""
    spec = reading.predicate.spec_digest
    rejected = {said.lease_id for said in reading.predicate.verdicts if said.outcome == "rejected"}
    for lease in reading.leases:
        yield verdict(
            f"{lease.name}: statements", faults_of_statements(lease), "All that was said is this lease's own."
        )
        is_rejected = lease.part.lease_id in rejected
        for name, faults, good in (
            ("chain", faults_of_chain(lease, spec), "Each segment follows the one before it."),
            ("root", faults_of_root(lease, spec), "The root stands over these segments."),
            ("resume", faults_of_resume(lease, reading), "It begins where it should."),
        ):
            yield weigh(f"{lease.name}: {name}", faults, good, is_rejected)
        yield from privacy_of(lease)


def privacy_of(lease: LeaseReading) -> Iterator[Check]:
    """What its provider signed of a data set's privacy as spent: its own ledger's word, which nobody can check."""
    said = [commit.metrics for commit in lease.commits if {"epsilon", "delta"} <= set(commit.metrics)]
    if said:
        epsilon, delta = said[-1]["epsilon"], said[-1]["delta"]
        sentence = f"ε = {epsilon:.3f} at δ = {delta:g} is spent of the data set's privacy, by all jobs so far."
        yield Check(f"{lease.name}: privacy", True, sentence)


def weigh(name: str, faults: Iterable[str], good: str, is_rejected: bool) -> Check:
    """A check whose faults are no faults of the receipt where the lease was rejected."""
    found = list(faults)
    if found and is_rejected:
        return Check(name, True, f"The lease was rejected: {' '.join(found)}")
    return verdict(name, iter(found), good)


def faults_of_statements(lease: LeaseReading) -> Iterator[str]:
    """What was not said of this lease by its provider."""
    part = lease.part
    ends = [said for said in (lease.executed, lease.voucher) if said]
    if len(lease.commits) + len(ends) != len(part.said):
        yield "A statement is neither a commitment nor the end of this lease, nor what is owed for it."
    terms = (part.lease_id, part.provider, part.fence)
    for commit in lease.commits:
        if (commit.lease_id, commit.provider, commit.fence) != terms:
            yield f"Segment {commit.segment} is of another lease."
    if any((said.lease_id, said.provider, said.fence) != terms for said in ends):
        yield "The end, or what is owed, is of another lease."
    if any(said.source != part.provider for said in part.said):
        yield "A statement was made by somebody else."


def faults_of_chain(lease: LeaseReading, spec: str) -> Iterator[str]:
    """Where the chain breaks, if it does."""
    try:
        check_chain(lease.commits, spec, resume=lease.part.resume)
    except AssayError as error:
        yield error.detail


def faults_of_root(lease: LeaseReading, spec: str) -> Iterator[str]:
    """What the provider signed at the end and does not stand over its commitments."""
    if lease.executed is None:
        return
    if lease.executed.root != root_of(lease.commits, spec):
        yield "The signed root is not that of the commitments."
    if lease.executed.segments != len(lease.commits):
        yield f"{lease.executed.segments} segments were signed for, {len(lease.commits)} are here."


def faults_of_resume(lease: LeaseReading, reading: Reading) -> Iterator[str]:
    """A start from what no earlier lease has committed."""
    resume = lease.part.resume
    earlier = [other for other in reading.leases if other.part.fence < lease.part.fence]
    ends = [
        ResumePoint(segment=c.segment, state=c.state_out, checkpoint=c.checkpoint, commitment=c.commitment)
        for other in earlier
        for c in other.commits
    ]
    if resume is not None and resume not in ends:
        yield "It carries on from a segment that no earlier lease here has committed."
