"""What a receipt says of a committee: who sat by which block, what each measured, and that the ruling follows.

The seeds by which members looked are made again from block, epoch and question. That a member measured what is said,
and that the block came after the contest, is the operator's word, as what verifiers answered is.
"""

from collections.abc import Iterator, Sequence

from assay.proof.committee import (
    BETWEEN,
    BEYOND_MILLI,
    LEAST,
    NOISE_MAX,
    SIZE,
    WITHIN_MILLI,
    count,
    group_of_noise,
    looks_of,
    outcome_of,
)
from assay.proof.opened import question_id_of
from assay.proof.provenance import AuditPart, EpochPart
from assay.proof.provenance_disputes import DisputePart
from assay.proof.recount import CLAIM
from assay.schema.dispute import Committee, DisputeWay, Measured
from assay.schema.values import address_of

APPEALED, UPHELD = "dispute.appealed", "dispute.upheld"
ELSE = 1
"""Any group but the claim's and that of what proves nothing."""


def faults_of_sittings(part: DisputePart, epoch: EpochPart | None) -> Iterator[str]:
    """A committee of another way or place, drawn too early, or of members who looked by other seeds."""
    if (part.way is DisputeWay.COMMITTEE) != (part.place is not None) or (part.committee and part.place is None):
        yield "An operator is named, or measured, where the dispute is not about one."
    if part.committee is None or epoch is None:
        return
    sittings = part.committee.sittings
    opened = next((t for t in epoch.traces if (t.lease_id, t.segment) == (part.lease_id, part.segment)), None)
    if opened is None:
        yield "The trace that was measured is not here."
    elif any(sitting.block <= opened.block for sitting in sittings):
        yield f"A committee's block does not come after block {opened.block}, which drew the first looks."
    if [sitting.block for sitting in sittings] != sorted({sitting.block for sitting in sittings}):
        yield "The blocks that drew the committee do not follow one another."
    yield from faults_of_members(part, epoch, part.committee)
    if part.cause == UPHELD:
        yield from faults_of_upheld(part, epoch, part.committee)


def faults_of_members(part: DisputePart, epoch: EpochPart, committee: Committee) -> Iterator[str]:
    """Members who sat twice, or too many, who are a party, or whose vector another seed drew."""
    names = [member.verifier for member in committee.members]
    if len(set(names)) < len(names) or len(names) > SIZE * len(committee.sittings):
        yield "A member sat twice, or there are more than were drawn."
    barred = {address_of(part.provider), address_of(part.verifier)}
    question = question_id_of(part.epoch_id, part.lease_id, part.segment)
    for member in committee.members:
        if address_of(member.verifier) in barred:
            yield f"{member.verifier} is a party of the dispute."
        looks = {looks_of(sitting, epoch.seed, question, member.verifier) for sitting in committee.sittings}
        if member.seed not in looks:
            yield f"The seed by which {member.verifier} looked follows from no sitting."


def faults_of_upheld(part: DisputePart, epoch: EpochPart, committee: Committee) -> Iterator[str]:
    """An outcome upheld on appeal that is not what the committee before had come to, if it was one."""
    question = question_id_of(part.epoch_id, part.lease_id, part.segment)
    first = [
        member.noise_milli
        for member in committee.members
        if member.seed == looks_of(committee.sittings[0], epoch.seed, question, member.verifier)
    ]
    if len(first) >= LEAST and (found := count(first)) is not part.outcome:
        yield f"Of what {len(first)} members measured before the appeal follows {found}, not {part.outcome}."


def faults_of_measured(part: DisputePart, answers: Sequence[AuditPart]) -> Iterator[str]:
    """An outcome that does not follow from what members measured, or that they are not said to have answered."""
    members = part.committee.members if part.committee else ()
    if part.committee is None or len(members) < LEAST:
        yield f"{len(members)} members are no committee."
        return
    if (found := outcome_of(part.committee)) is not part.outcome:
        yield f"Of what {len(members)} members measured follows {found}, not {part.outcome}."
    if (part.cause == APPEALED) != (len(part.committee.sittings) > 1):
        yield "A committee sits once, and once more on appeal."
    groups = {answer.verifier: answer.group for answer in answers}
    for member in members:
        group = groups.get(member.verifier)
        told = group if group in (None, CLAIM, BETWEEN) else ELSE
        if told != group_of_noise(member.noise_milli, ELSE):
            yield f"{member.verifier} is not said to have answered what it measured."


def is_measured(part: DisputePart) -> bool:
    """Whether members enough to be a committee have measured."""
    return part.committee is not None and len(part.committee.members) >= LEAST


def committee_in_words(part: DisputePart) -> str:
    """Who measured what."""
    ruled = "Upheld on appeal, to which too few came, as ruled" if part.cause == UPHELD else "Ruled"
    sat = part.committee or Committee()
    blocks = " and ".join(str(sitting.block) for sitting in sat.sittings)
    found = ", ".join(f"{member.verifier} ({in_words(member)})" for member in sat.members)
    bound = f"up to {WITHIN_MILLI / 1000:g} is honest, beyond {BEYOND_MILLI / 1000:g} false"
    where = f"operator {part.place.number} of step {part.place.step}" if part.place else "no operator"
    return f"{ruled} by a committee that block {blocks} drew, which measured {where} in honest noise ({bound}): {found}"


def in_words(member: Measured) -> str:
    """How far off, in multiples of honest noise."""
    return "beyond measure" if member.noise_milli >= NOISE_MAX else f"{member.noise_milli / 1000:g}"
