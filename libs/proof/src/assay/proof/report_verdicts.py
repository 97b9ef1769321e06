"""What a receipt says the audit found: the draw repeated, the findings held against the commitments."""

from collections.abc import Iterator, Sequence

from assay.proof.commitment import root_of
from assay.proof.provenance import EpochPart
from assay.proof.report_leases import faults_of_chain, faults_of_root
from assay.proof.report_reading import Check, LeaseReading, Reading, verdict
from assay.proof.sampling import draw
from assay.schema.values import Digest
from assay.schema.verdict import VerdictReached

FREE = "free"
# What rejects a lease before anything is drawn.
AT_ONCE = frozenset({FREE, "start", "history", "result"})
DOUBLED = "commitment.equivocation"


def check_verdicts(reading: Reading) -> Iterator[Check]:
    """Each verdict: about these commitments, of the segments that follow from the seed, true to its findings."""
    leases = {lease.part.lease_id: lease for lease in reading.leases}
    least = reading.order.spec.policy.audit_segments if reading.order else 1
    spec, epochs = reading.predicate.spec_digest, reading.predicate.epochs
    for said in reading.predicate.verdicts:
        name, lease = f"verdict {said.verdict_id}", leases.get(said.lease_id)
        if lease is None:
            yield Check(name, False, f"It is about the lease {said.lease_id}, which is not in the receipt.")
            continue
        yield verdict(f"{name}: root", faults_of_subject(said, lease, reading, spec), "It is about these commitments.")
        yield verdict(
            f"{name}: draw", faults_of_draw(said, lease, least, epochs), "The audited segments follow from the seed."
        )
        faults = [*faults_of_findings(said, lease), *faults_of_free_findings(said, lease, spec)]
        yield verdict(f"{name}: findings", iter(faults), "The outcome is that of the findings.")


def faults_of_subject(said: VerdictReached, lease: LeaseReading, reading: Reading, spec: str) -> Iterator[str]:
    if (said.job_id, said.provider) != (reading.predicate.job, lease.part.provider):
        yield "It is about another job or provider."
    if said.outcome == "passed" and said.root != root_of(lease.commits, spec):
        yield "Its root is not that of the commitments."


def faults_of_draw(said: VerdictReached, lease: LeaseReading, least: int, epochs: Sequence[EpochPart]) -> Iterator[str]:
    """A draw that does not follow: from the epoch that the verdict names, or else from the lease alone."""
    if said.epoch_id is not None:
        yield from faults_of_pooled(said, next((each for each in epochs if each.epoch_id == said.epoch_id), None))
        return
    costs = [commit.units for commit in lease.commits]
    is_at_once = any(finding.method in AT_ONCE and not finding.passed for finding in said.findings)
    if len(said.drawn) < min(least, len(costs)) and not (is_at_once and not said.drawn):
        yield f"{len(said.drawn)} segments were drawn, {least} were ordered."
    expected = tuple(lease.commits[place].segment for place in draw(said.seed, costs, len(said.drawn)))
    if said.drawn != expected:
        yield "The drawn segments do not follow from the seed."


def faults_of_pooled(said: VerdictReached, epoch: EpochPart | None) -> Iterator[str]:
    """A draw that is not that of the verdict's epoch."""
    if epoch is None:
        yield f"The receipt does not hold the epoch {said.epoch_id}, so its draw cannot be repeated."
        return
    if (said.seed, said.block) != (epoch.seed, epoch.beacon.block):
        yield "Its seed or block is not that of its epoch."
    if said.drawn != tuple(sorted(each.segment for each in epoch.drawn if each.lease_id == said.lease_id)):
        yield "Its drawn segments are not those of its epoch."
    if epoch.fault and said.outcome == "passed":
        yield "It passed, but its epoch is forfeit."


def faults_of_findings(said: VerdictReached, lease: LeaseReading) -> Iterator[str]:
    closed = {(commit.segment, commit.state_out) for commit in lease.commits}
    claimed = closed | {(commit.segment, commit.state_in) for commit in lease.commits} | set(claimed_results(lease))
    if (said.outcome == "passed") != all(finding.passed for finding in said.findings):
        yield "The outcome is not that of the findings."
    looked_at = {finding.segment for finding in said.findings if (finding.segment, finding.claimed) in closed}
    if said.outcome == "passed" and not set(said.drawn) <= looked_at:
        yield "Not every drawn segment was looked at."
    for finding in said.findings:
        if (finding.segment, finding.claimed) not in claimed:
            yield f"Segment {finding.segment}: what was judged is not what was committed."


def claimed_results(lease: LeaseReading) -> Iterator[tuple[int, Digest]]:
    """The last segment with the result that the provider signed to follow from it."""
    if lease.executed and lease.commits:
        yield lease.commits[-1].segment, lease.executed.result


def faults_of_free_findings(said: VerdictReached, lease: LeaseReading, spec: str) -> Iterator[str]:
    """A break of the commitments that only the verdict sees: anyone can look for it without running anything."""
    seen = {finding.code for finding in said.findings if finding.method == FREE and not finding.passed}
    if DOUBLED in seen:
        yield from faults_of_doubled(said, lease)
    if not seen - {DOUBLED}:
        return
    holds = not [*faults_of_chain(lease, spec), *faults_of_root(lease, spec)]
    if holds and said.root == root_of(lease.commits, spec):
        yield "It says that the commitments break, but they hold."


def faults_of_doubled(said: VerdictReached, lease: LeaseReading) -> Iterator[str]:
    """Two commitments to one segment that a verdict tells of, and that are not here as they were signed."""
    terms = (lease.part.lease_id, lease.part.provider, lease.part.fence)
    contents = {(c.segment, c.commitment) for c in lease.doubled if (c.lease_id, c.provider, c.fence) == terms}
    contents |= {(c.segment, c.commitment) for c in lease.commits}
    if len({segment for segment, _ in contents}) == len(contents):
        yield "It says that a segment was signed twice, but no two commitments here contradict each other."
