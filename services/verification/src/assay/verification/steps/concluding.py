"""How verdicts are said: of one lease that fails at once, and of all leases of an epoch."""

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final, TypeAlias

from assay.runtime import Unit
from assay.schema.epoch import DrawnSegment, EpochFault, EpochPassed, EpochRejected, Unproven
from assay.schema.event import Event
from assay.schema.lease import UNPROVEN, LeaseRejected, LeaseVerified
from assay.schema.verdict import Finding, VerdictReached
from assay.verification.domain import Audited, Case, Judged, conclude, conclude_job
from assay.verification.domain.unanswered import unchecked, unproven_of
from assay.verification.domain.verdicts import EQUIVOCATION, apportion, broken, fact_of, forfeit, unseen
from assay.verification.queries import cases, disputes, epochs, questions, unanswered
from assay.verification.queries.epochs import Kept
from assay.verification.queries.questions import Question

Verdict: TypeAlias = tuple[VerdictReached, LeaseVerified | LeaseRejected]

JUDGED_MAX: Final = 500
"""Leases whose verdicts are said in one transaction."""

NONE: Final[Mapping[str, int]] = {}

log = logging.getLogger(__name__)


async def say_verdicts(unit: Unit, verdicts: Sequence[Verdict]) -> None:
    """Say verdicts that are new, and what they mean for jobs whose last lease they judge."""
    audited = [Audited(v.lease_id, v.outcome == "passed", v.audit_ms, v.job_ms) for v, _ in verdicts]
    fresh = await cases.finish(unit.tx, audited)
    said = {verdict.job_id: verdict for verdict, _ in verdicts if verdict.lease_id in fresh}
    for verdict, meaning in verdicts:
        if verdict.lease_id in fresh:
            unit.emission.add(verdict, verdict.verdict_id)
            unit.emission.add(meaning, verdict.verdict_id)
            log.info("verdict: %s", verdict.outcome, extra={"lease": verdict.lease_id, "job": verdict.job_id})
    for job_id, (requester, audits) in (await cases.all_done(unit.tx, said)).items():
        unit.emission.add(conclude_job(job_id, requester, audits), said[job_id].verdict_id)


async def close_epoch(unit: Unit, epoch: Kept, asked: Sequence[Question], fault: EpochFault | None) -> None:
    """End an epoch: it passes, or all of it is forfeit for one fault; a verdict on each lease follows."""
    epoch_id = epoch.closed.epoch_id
    audits, disputed = await questions.count_ended(unit.tx, epoch_id), await disputes.count(unit.tx, epoch_id)
    codes = await unanswered.codes(unit.tx, [question.question_id for question in given_up(asked)])
    unproven = unproven_in(epoch, asked, Counter(codes) or epoch.waits)
    names = fact_of(epoch.closed) | {"audits": audits, "disputes": disputed, "unproven": unproven}
    event: Event = EpochPassed(**names)
    if fault:
        event = EpochRejected(**names, lease_id=fault.lease_id, segment=fault.segment, code=fault.code)
    unit.emission.add(event, epoch.closed.epoch_id)
    await epochs.end(unit.tx, epoch_id, fault)
    await judge_leases(unit, replace(epoch, fault=fault), asked)


async def judge_leases(unit: Unit, epoch: Kept, asked: Sequence[Question]) -> None:
    """Say the verdicts on some leases of an epoch that has ended: one transaction holds so many at most."""
    epoch_id = epoch.closed.epoch_id
    left = await epochs.unjudged(unit.tx, epoch_id, JUDGED_MAX + 1)
    await say_verdicts(unit, verdicts_of(epoch, await cases.cases(unit.tx, left[:JUDGED_MAX]), asked))
    if len(left) <= JUDGED_MAX:
        await epochs.judged(unit.tx, epoch_id)


def verdicts_of(epoch: Kept, found: Sequence[tuple[Case, list[Finding]]], asked: Sequence[Question]) -> list[Verdict]:
    """The verdicts on leases of an epoch."""
    audit_ms = sum(question.finding.compute_ms for question in asked if question.finding)
    verdicts, unproven = [], None if epoch.fault else unproven_in(epoch, asked)
    for case, free in found:
        judged = judged_of(epoch, case, apportion(audit_ms, case.job_ms, epoch.work_ms))
        told = [*free, *findings_of(case, asked), *against(case, epoch.fault)]
        unpaid = [*unseen(case, judged.drawn), *unchecked(case, judged.drawn, judged.seed, unproven)]
        verdicts.append(conclude(case, judged, [*told, *unpaid]))
    return verdicts


def given_up(asked: Sequence[Question]) -> list[Question]:
    """The questions that nobody could answer."""
    return [each for each in asked if each.finding and each.finding.code == UNPROVEN]


def unproven_in(epoch: Kept, asked: Sequence[Question], reasons: Mapping[str, int] = NONE) -> Unproven | None:
    """What an epoch says of them, with why they were declined, or else what kept verifiers out; None if all stand."""
    places = [DrawnSegment(lease_id=each.lease_id, segment=each.segment) for each in given_up(asked)]
    return unproven_of(places, epoch.drawn, epoch.extra, reasons)


def judged_of(epoch: Kept, case: Case, audit_ms: int) -> Judged:
    """What a lease's verdict names of the epoch."""
    drawn = tuple(each.segment for each in epoch.drawn if each.lease_id == case.granted.lease_id)
    assert epoch.seed is not None and epoch.beacon_block is not None
    return Judged(epoch.closed.epoch_id, epoch.beacon_block, epoch.seed, drawn, audit_ms)


def findings_of(case: Case, asked: Sequence[Question]) -> list[Finding]:
    """What the audits found in a lease."""
    return [each.finding for each in asked if each.lease_id == case.granted.lease_id and each.finding]


def against(case: Case, fault: EpochFault | None) -> list[Finding]:
    """What fails a lease besides its own drawn segments: two commitments for one segment, or its epoch's fault."""
    if case.doubled is not None:
        return [broken(case, case.doubled, EQUIVOCATION)]
    return [forfeit(case, fault)] if fault else []
