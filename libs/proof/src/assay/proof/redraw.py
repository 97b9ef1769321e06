"""The draw of a whole epoch, repeated from what was said in public and a block's hash, by nobody's word.

A receipt repeats the draw as far as its job goes. Here every lease of the epoch is made again from its commitments, the
root from all leases, the beacon from block and shares, and the draw from these, with what orders asked for besides.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from assay.proof import epoch
from assay.proof.eip712 import Domain
from assay.proof.epoch import Drawn, Range
from assay.proof.order import spec_digest
from assay.proof.pool import plain
from assay.proof.provenance import EpochPart
from assay.proof.report_epochs import beacon_in_words, faults_of_beacon, faults_of_seed, pooled_of
from assay.proof.report_reading import Check, verdict
from assay.schema.epoch import (
    DRAWN_MAX,
    EpochAnchored,
    EpochClosed,
    EpochCommitted,
    EpochDrawn,
    EpochEntry,
    EpochPooled,
)
from assay.schema.errors import Refused, Reject
from assay.schema.event import Event
from assay.schema.job import JobSpec, JobSubmitted
from assay.schema.lease import LeaseCommitted
from assay.schema.values import AUDIT_SEGMENTS, EpochId, JobId, LeaseId


class Told(NamedTuple):
    """What was said of an epoch, and of all that may stand in it. The first commitment to a segment counts."""

    closed: EpochClosed
    anchored: EpochAnchored
    drawn: EpochDrawn
    specs: Mapping[JobId, JobSpec]
    commits: Mapping[tuple[LeaseId, int], Mapping[int, LeaseCommitted]]


def told_of(said: Iterable[Event], epoch_id: EpochId) -> Told:
    """What all public events tell of an epoch. Raises Refused: epoch.undrawn."""
    parts: dict[type[Event], Event] = {}
    specs: dict[JobId, JobSpec] = {}
    commits: defaultdict[tuple[LeaseId, int], dict[int, LeaseCommitted]] = defaultdict(dict)
    for event in said:
        match event:
            case JobSubmitted():
                specs[event.job_id] = event.spec
            case LeaseCommitted():
                commits[event.lease_id, event.fence].setdefault(event.segment, event)
            case EpochCommitted() | EpochPooled() | EpochAnchored() | EpochDrawn() if event.epoch_id == epoch_id:
                parts[type(event)] = event
    closed = parts.get(EpochCommitted, parts.get(EpochPooled))
    anchored, drawn = parts.get(EpochAnchored), parts.get(EpochDrawn)
    if not (isinstance(closed, EpochClosed) and isinstance(anchored, EpochAnchored) and isinstance(drawn, EpochDrawn)):
        raise Refused("epoch.undrawn", f"{epoch_id} is not drawn, as far as it was said in public.")
    return Told(closed, anchored, drawn, specs, commits)


def checks_of(told: Told, entries: Sequence[EpochEntry], block_hash: bytes, domain: Domain) -> tuple[Check, ...]:
    """Each step of the draw: `entries` are all of the epoch, `block_hash` is that of the block which it names."""
    part = EpochPart.of(told.closed, told.anchored, told.drawn, block_hash)
    leases = f"{len(entries)} leases make the root, each of what its provider committed to."
    bound = f"{len(told.closed.shares)} verifiers were bound before the anchor; each has revealed or is named missing."
    found: list[str] = []
    draw = list(faults_of_draw(told, entries, found))
    return (
        verdict("root", faults_of_root(told, entries), leases),
        verdict("shares", faults_of_shares(told), bound),
        verdict("beacon", faults_of_beacon(part, domain), beacon_in_words(part)),
        verdict("seed", faults_of_seed(part), "It follows from beacon, root, provider and number."),
        verdict("draw", iter(draw), " ".join(found)),
    )


def faults_of_root(told: Told, entries: Sequence[EpochEntry]) -> Iterator[str]:
    """Leases that are not as they were committed to, and a root that is not that of the leases."""
    for entry in entries:
        try:
            if range_of(told, entry).entry != plain(entry):
                yield f"{entry.lease_id} does not stand there as it was committed to."
        except Reject as error:
            yield f"{entry.lease_id}: {error.detail}"
    try:
        made = epoch.epoch_root([plain(entry) for entry in entries])
    except Reject as error:
        yield error.detail
        return
    if {made, (told.anchored.root, made.total), (told.drawn.root, made.total)} != {
        (told.closed.root, told.closed.units)
    }:
        yield "The root that was anchored and drawn from is not that of the leases."


def faults_of_shares(told: Told) -> Iterator[str]:
    """Reveals of what nobody was bound to, and verifiers that were bound and are named nowhere."""
    bound = {share.verifier: share.commit for share in told.closed.shares}
    revealed = {share.verifier: share.commit for share in told.drawn.revealed}
    for verifier in sorted(revealed):
        if bound.get(verifier) != revealed[verifier]:
            yield f"{verifier} was not bound to what it revealed."
    if {*bound} != {*revealed, *told.drawn.missing}:
        yield "Who was bound to a share is not who revealed one or is named missing."


def faults_of_draw(told: Told, entries: Sequence[EpochEntry], found: list[str]) -> Iterator[str]:
    """Segments that the seed does not give, or that it gives and were not drawn; what was found goes to `found`."""
    drawn = {(each.lease_id, each.segment) for each in told.drawn.drawn}
    try:
        ranges = [(entry.job_id, range_of(told, entry)) for entry in entries]
        pooled = pooled_of(told.drawn.seed, [range_ for _, range_ in ranges], drawn)
        besides = sorted(extra_of(told, ranges) - pooled)[: DRAWN_MAX - len(pooled)]
    except Reject as error:
        yield error.detail
        return
    found.append(
        f"The seed gives the {len(pooled)} that were drawn from all, and {len(besides)} that orders asked for."
    )
    if not pooled or drawn != pooled | {*besides}:
        yield "The drawn segments are not those that the seed gives."


def extra_of(told: Told, ranges: Sequence[tuple[JobId, Range]]) -> set[Drawn]:
    """What orders asked to be drawn from their own jobs besides. Raises Reject."""
    of_job: defaultdict[JobId, list[Range]] = defaultdict(list)
    for job_id, range_ in ranges:
        of_job[job_id].append(range_)
    extra: set[Drawn] = set()
    for job_id, own in of_job.items():
        if (asked := told.specs[job_id].policy.audit_segments) > AUDIT_SEGMENTS:
            extra |= set(epoch.draw(told.drawn.seed, own, min(asked, DRAWN_MAX)))
    return extra


def range_of(told: Told, entry: EpochEntry) -> Range:
    """A lease's range, of what its provider committed to. Raises Reject where that was not said."""
    commits = told.commits.get((entry.lease_id, entry.fence), {})
    own = range(entry.first_segment, entry.first_segment + entry.segments)
    if entry.job_id not in told.specs or any(segment not in commits for segment in own):
        raise Reject("Its order, or one of its commitments, was not said in public.")
    return epoch.range_of([commits[segment] for segment in own], spec_digest(told.specs[entry.job_id]))
