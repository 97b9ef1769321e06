"""What a receipt says of the disputes of its segments: every move replayed, the ruling held against what they came to.

A dispute before the court is played again here from the moves alone: who is wrong follows from the signed moves,
whatever the operator says. One that verifiers decided is held against their answers. Deadlines are the clerk's word: of
silence only whose turn it was can be seen.
"""

from collections.abc import Iterator
from typing import Final

from assay.proof.court import Dispute, Party, Terms, read
from assay.proof.court.wire import unpack
from assay.proof.provenance import AuditPart
from assay.proof.provenance_disputes import DisputePart, moves_in, operator_of, replay
from assay.proof.recount import CLAIM, recount
from assay.proof.report_committees import committee_in_words, faults_of_measured, faults_of_sittings, is_measured
from assay.proof.report_reading import Check, Reading, read_said, verdict
from assay.schema.dispute import (
    DisputeAccepted,
    DisputeAppealed,
    DisputeContested,
    DisputeObjected,
    DisputeOutcome,
    DisputeWay,
)
from assay.schema.errors import Refused
from assay.schema.event import Event
from assay.schema.values import address_of

DEFENDED: Final = "segment.defended"
SILENCE, JUDGED = "dispute.silence", ("dispute.judged", "dispute.undisputed")
UNHEARD: Final = "dispute.unheard"
"""No block drew its committee in time: nobody is to blame."""
COUNTED: Final = ("dispute.recounted", "dispute.appealed")
"""All answers were counted again; else nobody came to a second drawing or an appeal, and what was found stands."""
LEAST: Final = {"dispute.recounted": 3, "dispute.standing": 2, "dispute.appealed": 3, "dispute.upheld": 2}
"""So many equal answers it takes at least, whatever else was answered."""
IN_CLASS: Final = "class_replay"
"""Bits of the claim's class were counted instead, of which a receipt says no more than how many agree."""
APPEALS: Final = ("dispute.appealed", "dispute.upheld")
OUTCOMES: Final = {
    frozenset({Party.WORKER}): DisputeOutcome.WORKER_FAULT,
    frozenset({Party.WORKER, Party.CHALLENGER}): DisputeOutcome.WORKER_FAULT,
    frozenset({Party.CHALLENGER}): DisputeOutcome.CHALLENGER_FAULT,
}
BY_CAUSE: Final = {
    SILENCE: "Ruled by default, for silence",
    UNHEARD: "Ruled by default, for no committee was drawn in time",
    "dispute.accepted": "Ruled by the provider's own word",
}
ENDS: Final = {
    DisputeOutcome.WORKER_FAULT: "the provider's segment is false",
    DisputeOutcome.CHALLENGER_FAULT: "the segment stands, and who held against it loses its bond",
    DisputeOutcome.NUMERIC_TIE: "nobody is to blame: the segment is neither paid nor slashed",
}


def check_disputes(reading: Reading) -> Iterator[Check]:
    """Each dispute, and each segment that is said to have been defended."""
    for part in reading.predicate.disputes:
        said, checks = said_in(part, reading)
        yield from checks
        yield verdict(f"{part.name}: accused", faults_of_subject(part, reading), accused_in_words(part))
        yield verdict(f"{part.name}: moves", faults_of_moves(part, reading, said), moves_in_words(part))
        yield verdict(f"{part.name}: ruling", faults_of_ruling(part, reading), ruling_in_words(part, reading))
    yield from check_defended(reading)


def check_defended(reading: Reading) -> Iterator[Check]:
    """Findings that rest on a dispute which is not here."""
    held = {(part.lease_id, part.segment) for part in reading.predicate.disputes}
    for said in reading.predicate.verdicts:
        for finding in said.findings:
            if finding.code == DEFENDED and (said.lease_id, finding.segment) not in held:
                name = f"verdict {said.verdict_id}: dispute"
                yield Check(name, False, f"The dispute that segment {finding.segment} was defended in is not here.")


def said_in(part: DisputePart, reading: Reading) -> tuple[list[Event], list[Check]]:
    """What the provider said on being accused, as far as it signed it, and a check of each signature."""
    domain = reading.predicate.deployment.domain
    found = [read_said(f"{part.name}, statement {at}: signature", said, domain) for at, said in enumerate(part.said)]
    return [event for event, _ in found if event is not None], [check for _, check in found]


def faults_of_subject(part: DisputePart, reading: Reading) -> Iterator[str]:
    """A dispute about no segment of this job's, or about another claim than was signed."""
    lease = next((each for each in reading.leases if each.part.lease_id == part.lease_id), None)
    if lease is None or lease.part.provider != part.provider:
        yield f"It is about {part.lease_id}, which is not a lease of {part.provider} here."
        return
    claimed = {commit.segment: commit.state_out for commit in lease.commits}
    if claimed.get(part.segment) != part.claimed:
        yield f"What was accused is not what was committed to segment {part.segment}."
    epoch = next((each for each in reading.predicate.epochs if each.epoch_id == part.epoch_id), None)
    if epoch is None or (part.lease_id, part.segment) not in {(d.lease_id, d.segment) for d in epoch.drawn}:
        yield f"Segment {part.segment} was not drawn in {part.epoch_id}."


def faults_of_moves(part: DisputePart, reading: Reading, said: list[Event]) -> Iterator[str]:
    """Moves that were not signed so, or do not come to what is said; a provider that did not say what it is said to."""
    if any(getattr(event, "dispute_id", "") != part.dispute_id for event in said):
        yield "A statement is about another dispute."
    speakers = {DisputeObjected.type: part.verifier}
    if any(event.source != speakers.get(event.type, part.provider) for event in part.said):
        yield "A statement is by somebody else."
    if part.cause == "dispute.accepted" and not any(isinstance(event, DisputeAccepted) for event in said):
        yield "The provider did not sign that it gives in."
    if part.cause in (*LEAST, UNHEARD) and not any(isinstance(event, DisputeContested) for event in said):
        yield "The provider did not sign that it contests."
    if part.cause in APPEALS and not any(isinstance(event, DisputeAppealed | DisputeObjected) for event in said):
        yield "Nobody signed an appeal."
    if part.moves_count and not part.moves:
        return
    if part.terms:
        yield from faults_of_play(part, reading)
    elif part.moves:
        yield "There are moves without terms."


def faults_of_play(part: DisputePart, reading: Reading) -> Iterator[str]:
    """Terms of another dispute, and moves that do not come to what is said."""
    try:
        terms, moves = read(Terms, unpack(part.terms)), moves_in(part.moves)
        yield from faults_of_terms(part, terms, reading)
        played = replay(part.terms, moves)
    except (Refused, ValueError) as error:
        yield f"The moves do not count: {error}"
        return
    head = played.last.hex() if moves else None
    if (len(moves), played.rounds, head) != (part.moves_count, part.rounds, part.head):
        yield "Number, rounds or digest of the moves are not what is said."
    if operator_of(played) != part.operator:
        yield "The search does not end at the operator that is said."
    yield from faults_of_end(part, played)


def faults_of_terms(part: DisputePart, terms: Terms, reading: Reading) -> Iterator[str]:
    parties = (terms.record.worker.lower(), terms.challenger.lower())
    if (terms.serial, terms.record.lease_id) != (part.dispute_id, part.lease_id):
        yield "The terms are those of another dispute."
    if parties != (address_of(part.provider), address_of(part.verifier)):
        yield "The terms name other parties."
    if terms.domain.chain_id != reading.predicate.deployment.chain_id:
        yield "The terms are of another chain."


def faults_of_end(part: DisputePart, played: Dispute) -> Iterator[str]:
    """A ruling that does not follow from the moves."""
    ids = {Party.WORKER: part.provider, Party.CHALLENGER: part.verifier}
    if part.cause == SILENCE:
        turn = None if played.is_over else played.turn
        if turn is None or set(part.at_fault) != {ids[turn]}:
            whose = f"the {turn}" if turn else "nobody"
            yield f"It was the turn of {whose}, who is not said to have been silent."
    elif part.cause in JUDGED:
        wrong = {ids[party] for party in played.at_fault}
        if not played.is_over or (wrong, OUTCOMES.get(played.at_fault)) != (set(part.at_fault), part.outcome):
            yield "By the moves somebody else is wrong."


def faults_of_ruling(part: DisputePart, reading: Reading) -> Iterator[str]:
    """An outcome that neither epoch nor verdict knows of, or that the answers of verifiers do not bear out."""
    epoch = next((each for each in reading.predicate.epochs if each.epoch_id == part.epoch_id), None)
    # A tie is refunded, and leaves the epoch's other leases as they are.
    if epoch and part.outcome is DisputeOutcome.WORKER_FAULT and epoch.fault is None:
        yield "The segment fell, but its epoch passed."
    findings = [
        finding
        for said in reading.predicate.verdicts
        if said.lease_id == part.lease_id
        for finding in said.findings
        if finding.segment == part.segment
    ]
    stands = part.outcome is DisputeOutcome.CHALLENGER_FAULT
    if findings and stands != any(finding.passed and finding.code == DEFENDED for finding in findings):
        yield "The verdict's finding is not what the dispute came to."
    if part.cause in LEAST:
        yield from faults_of_answers(part, answers_to(part, reading))
    if part.cause == UNHEARD and (part.way is not DisputeWay.COMMITTEE or part.committee or is_blamed(part)):
        yield "What no committee heard is said to be more than a tie."
    yield from faults_of_sittings(part, epoch)


def is_blamed(part: DisputePart) -> bool:
    """Whether anybody is said to be wrong, or to lose anything."""
    return part.outcome is not DisputeOutcome.NUMERIC_TIE or bool(part.at_fault or part.forfeits)


def faults_of_answers(part: DisputePart, answers: list[AuditPart]) -> Iterator[str]:
    """An outcome that does not follow from the answers."""
    if part.way is DisputeWay.COMMITTEE and part.cause in COUNTED:
        yield from faults_of_measured(part, answers)
        yield from faults_of_groups(answers)
        return
    agreed = sum(each.outcome == "agreed" for each in answers)
    differed = sum(each.outcome == "differed" for each in answers)
    least = LEAST[part.cause]
    if part.outcome is DisputeOutcome.CHALLENGER_FAULT and agreed < least:
        yield f"Only {agreed} verifiers agree with the segment."
    if part.outcome is DisputeOutcome.WORKER_FAULT and differed < least:
        yield f"Only {differed} verifiers hold against the segment."
    if part.cause in COUNTED and IN_CLASS not in {each.method for each in answers}:
        groups = [each.group for each in answers if each.group is not None]
        if groups and (found := recount(groups)) is not part.outcome:
            yield f"Of {len(groups)} answers as they are grouped here follows {found}, not {part.outcome}."
        yield from faults_of_groups(answers)


def faults_of_groups(answers: list[AuditPart]) -> Iterator[str]:
    """Answers of the claim's group that are said to differ from it, or of another that are said to agree."""
    for each in (answer for answer in answers if answer.group is not None and answer.outcome != "overruled"):
        if (each.group == CLAIM) != (each.outcome == "agreed"):
            yield f"{each.verifier} is not said to have answered what its group did."


def answers_to(part: DisputePart, reading: Reading) -> list[AuditPart]:
    """The answers about a disputed segment."""
    epochs = [each for each in reading.predicate.epochs if each.epoch_id == part.epoch_id]
    audits = [audit for epoch in epochs for audit in epoch.audits]
    return [audit for audit in audits if (audit.lease_id, audit.segment) == (part.lease_id, part.segment)]


def accused_in_words(part: DisputePart) -> str:
    place = f"segment {part.segment} of {part.lease_id}"
    return f"{part.verifier} accused {place}: {part.countered[:12]} against {part.claimed[:12]}."


def moves_in_words(part: DisputePart) -> str:
    """What the parties did."""
    if not part.moves_count:
        took = "gave in" if part.cause == "dispute.accepted" else "contested" if part.said else "said nothing"
        return f"The provider {took}; there were no moves."
    if not part.moves:
        return f"The digest of {part.moves_count} moves is here, not the moves themselves: {part.head}."
    at = part.operator
    where = f" down to operator {at.number} ({at.name}) of step {at.step}" if at else ""
    return f"{part.moves_count} moves, each signed to follow the one before, search it in {part.rounds} rounds{where}."


def ruling_in_words(part: DisputePart, reading: Reading) -> str:
    """Who ruled what."""
    wrong = f" At fault: {', '.join(part.at_fault)}." if part.at_fault else ""
    wrong += "".join(f" {lost.party} lost its bond of {lost.amount}." for lost in part.forfeits)
    return f"{ruled_by(part, reading)}: {ENDS[part.outcome]}.{wrong}"


def ruled_by(part: DisputePart, reading: Reading) -> str:
    """Who ruled, in words."""
    if part.judged:
        return f"Ruled by the contract in {part.judged.tx}, block {part.judged.block}"
    if is_measured(part):
        return committee_in_words(part)
    if part.cause in LEAST or part.way is DisputeWay.SECOND_DRAWING:
        who = ", ".join(f"{each.verifier} ({each.outcome})" for each in answers_to(part, reading))
        drawn = f"Ruled {'on appeal ' if part.cause in APPEALS else ''}by the drawn verifiers {who}"
        return drawn if part.cause in LEAST else f"Ruled by {part.cause.removeprefix('dispute.')}, after {who}"
    return BY_CAUSE.get(part.cause, "Ruled by the moves")
