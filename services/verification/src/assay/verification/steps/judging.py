"""Judging claims that are read: what each verifier saw, held against what the provider had committed to."""

from collections.abc import Mapping, Sequence

from assay.proof import answer as proof
from assay.proof.committee import WITHIN_MILLI
from assay.proof.opened import trace_seed
from assay.schema.audit import OpenedTrace
from assay.schema.dispute import Measured
from assay.schema.errors import Refused
from assay.schema.job import JobSpec
from assay.schema.verdict import Finding
from assay.verification.desk import Desk
from assay.verification.domain import Case
from assay.verification.domain.judging import CLAIM
from assay.verification.methods import method_of
from assay.verification.methods.method import UNHELD, Method, Shown
from assay.verification.queries.epochs import Kept
from assay.verification.queries.questions import Audit, Question
from assay.verification.queries.traces import Opened, Place
from assay.verification.steps.weighing import Weighed, is_sealed
from assay.workloads.task import Found

FORGED = Found(agrees=False, code="audit.forged", distance=0.0, group=0)


async def weigh_readings(desk: Desk, case: Case, question: Question, audits: Sequence[Audit]) -> dict[str, Weighed]:
    """The answers to one question, by audit. Raises Refused, Unreachable if the claim itself cannot be fetched now."""
    spec = case.granted.spec
    held = {audit.audit_id: blob for audit in audits if (blob := await reading_of(desk, spec, audit)) is not None}
    method, found = method_of(spec), dict[str, Found]()
    if method.tell:
        told = {a.audit_id: told_by(method, a, held[a.audit_id]) for a in audits if a.audit_id in held}
        found = {audit_id: told_of(each, question.spoiled) for audit_id, each in told.items() if each}
    elif held:
        first = next(audit.assigned.claim for audit in audits)
        assert first is not None and method.judge is not None
        checkpoint = case.commit_of(question.segment).checkpoint
        shown = Shown(question.segment, checkpoint, first.shown, first.seed)
        judged = await method.judge(desk.replayer, spec, shown, list(held.values()))
        found = dict(zip(held, judged, strict=True))
    return {audit.audit_id: weighed_of(case, question, audit, found.get(audit.audit_id)) for audit in audits}


def told_by(method: Method, audit: Audit, reading: bytes) -> Found | None:
    """What a reading says; None where a member of a committee says nothing of the operator that it was asked about."""
    at = audit.assigned.claim.operator if audit.assigned.claim else None
    assert method.tell is not None
    return method.measure(reading, at) if at and method.measure else method.tell(reading)


def measured_of(audit: Audit, weighed: Weighed) -> Measured | None:
    """What a member of a committee has measured; None of any other audit."""
    claim = audit.assigned.claim
    if claim is None or claim.operator is None or weighed.group is None:
        return None
    milli = round((weighed.finding.distance or 0.0) * WITHIN_MILLI)
    return Measured(verifier=audit.verifier, seed=claim.seed, noise_milli=milli)


def told_of(found: Found, spoiled: int | None) -> Found:
    """What a reading says of what was to be found: of a trace that was made false it agrees who found that very place.

    Who refuses it anywhere else has not looked, whatever gave it away as false.
    """
    if spoiled is None:
        return found
    return found.model_copy(update={"agrees": not found.agrees and found.group == spoiled})


def opened_of(epoch: Kept, question: Question, found: Mapping[Place, Opened]) -> OpenedTrace | None:
    """What the end of an audit says of the trace that it was about, if it was about one."""
    opened = found.get((question.lease_id, question.segment))
    if question.root is None or opened is None:
        return None
    assert epoch.seed is not None and epoch.trace_block is not None and epoch.trace_hash is not None
    return OpenedTrace(
        root=opened.root,
        trace=opened.trace,
        time_ms=opened.time_ms,
        signature=opened.signature,
        block=epoch.trace_block,
        block_hash=epoch.trace_hash,
        seed=trace_seed(epoch.trace_hash, epoch.seed, question.place_id),
    )


async def reading_of(desk: Desk, spec: JobSpec, audit: Audit) -> bytes | None:
    """The blob that was revealed, if it is what was sealed."""
    said = audit.revealed
    assert said is not None
    if not is_sealed(audit) or said.state != said.checkpoint:
        return None
    try:
        blob = await desk.jobs.read(spec, said.checkpoint)
    except Refused as refusal:
        if refusal.code not in UNHELD:
            raise
        return None
    return blob if proof.answer(audit.assigned.nonce, blob) == said.answer else None


def weighed_of(case: Case, question: Question, audit: Audit, found: Found | None) -> Weighed:
    """One answer: its group, none if it is not what was sealed, and what it finds."""
    assert audit.revealed is not None
    said = found or FORGED
    finding = Finding(
        segment=question.segment,
        method=question.method,
        passed=said.agrees,
        code=said.code,
        claimed=case.commit_of(question.segment).state_out,
        distance=said.distance,
        compute_ms=audit.revealed.compute_ms,
    )
    return Weighed(None if found is None else CLAIM if said.agrees else said.group, finding)
