"""What a receipt says of drawn segments that no verifier could answer, and whether the right leases went unpaid."""

from collections.abc import Iterator, Sequence

from assay.proof.provenance import EpochPart, UnprovenPart
from assay.proof.report_reading import Check, Reading, verdict
from assay.proof.unproven import is_spoken_for
from assay.schema.lease import UNCHECKED, UNPROVEN
from assay.schema.verdict import VerdictReached


def check_unproven(part: EpochPart, reading: Reading) -> Iterator[Check]:
    """What follows from such segments for the leases of this job."""
    if part.fault is not None:
        return
    name, own = f"{part.name}: unproven", [v for v in reading.predicate.verdicts if v.epoch_id == part.epoch_id]
    if part.unproven:
        yield verdict(name, faults_of_unproven(part, part.unproven, own), unproven_in_words(part.unproven))
    elif unpaid := [v.lease_id for v in own if {UNPROVEN, UNCHECKED} & {f.code for f in v.findings}]:
        yield verdict(name, (f"{each} goes unpaid for what its epoch does not name." for each in unpaid), "")


def faults_of_unproven(part: EpochPart, unproven: UnprovenPart, verdicts: Sequence[VerdictReached]) -> Iterator[str]:
    """Segments that were not drawn, and leases of this job that are paid, or are not, against the seed."""
    drawn = {(each.lease_id, each.segment) for each in part.drawn}
    places = {(each.lease_id, each.segment) for each in unproven.segments}
    if places - drawn:
        yield "A segment that was not drawn is said to be unproven."
    if not unproven.counted <= min(len(places), unproven.of) <= unproven.of <= len(drawn):
        yield "More segments are unproven than were drawn."
    own = {said.lease_id: said for said in verdicts}
    for entry in part.entries:
        said = own.get(entry.lease_id)
        if said is None:
            continue
        of_lease = {segment for lease, segment in drawn if lease == entry.lease_id}
        is_open = len(of_lease) < entry.segments
        falls = is_open and is_spoken_for(part.seed, entry.lease_id, unproven.counted, unproven.of)
        is_own = any(lease == entry.lease_id for lease, _ in places)
        if said.outcome == "passed" and (falls or is_own):
            yield f"{entry.lease_id} is paid, and what no verifier could answer stands for it."
        codes = {finding.code for finding in said.findings}
        if UNCHECKED in codes and not falls:
            yield f"{entry.lease_id} goes unpaid, and the seed does not say so."
        if UNPROVEN in codes and not is_own:
            yield f"{entry.lease_id} goes unpaid, and none of its segments is said to be unproven."


def unproven_in_words(unproven: UnprovenPart) -> str:
    """How many segments nobody could answer, and why."""
    why = ", ".join(f"{count} by {code}" for code, count in unproven.reasons.items())
    return (
        f"{len(unproven.segments)} drawn segments could be answered by no verifier ({why}): neither they nor the leases"
        " for which they stand by the seed are paid, and nobody is slashed."
    )
