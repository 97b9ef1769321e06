"""A job as it is shown: what was said of it and its leases, folded into one view. Pure.

The rows come from several streams, whose order among each other is not kept; every fold here takes them in any order.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from assay.gateway.auditing import fold_epoch
from assay.schema.epoch import EpochFact
from assay.schema.event import Envelope, Event
from assay.schema.job import (
    JOB_LIFE,
    JobCancelled,
    JobExecuted,
    JobExpired,
    JobFailed,
    JobInterrupted,
    JobRefunded,
    JobRejected,
    JobSettled,
    JobSubmitted,
    JobUnfunded,
    JobVerified,
    JobWaiting,
)
from assay.schema.lease import (
    LEASE_LIFE,
    LeaseCommitted,
    LeaseFact,
    LeaseFailed,
    LeaseGranted,
    LeaseLapsed,
    LeasePaid,
    LeaseRejected,
    LeaseReleased,
    LeaseSlashed,
)
from assay.schema.life import Life
from assay.schema.spare import SpareEnded, SpareGranted
from assay.schema.verdict import VerdictReached
from assay.schema.voucher import VoucherPresented

View = dict[str, Any]
# What a step of the timeline does not repeat: it stands in the view, or is too long to be read.
HIDDEN: Final = frozenset(
    {
        "job_id",
        "requester",
        "spec",
        "order_signature",
        "leases",
        "payouts",
        "findings",
        "resume",
        "entries",
        "drawn",
        "verifiers",
    }
)


def view_of(said: Iterable[Envelope[Event]], commits: Mapping[str, int]) -> View | None:
    """The view of one job; None if its submission is not among what was said.

    `commits` counts the segments that each lease has committed, of which `said` may hold only the last.
    """
    steps = sorted(said, key=lambda envelope: (envelope.time_ms, envelope.id))
    born = [(step.event, step.time_ms) for step in steps if isinstance(step.event, JobSubmitted)]
    if not born:
        return None
    view = newborn(*born[0])
    for envelope in steps:
        view["state"] = moved(JOB_LIFE, view["state"], envelope.event)
        if isinstance(envelope.event, LeaseFact):
            fold_lease(view["leases"], envelope.event)
        if isinstance(envelope.event, EpochFact):
            fold_epoch(view["epochs"], envelope.event)
        for kind, fold in FOLDS:
            if isinstance(envelope.event, kind):
                fold(view, envelope.event)
    for lease_id, lease in view["leases"].items():
        lease["segments"] = commits.get(lease_id, 0)
    view["leases"] = sorted(view["leases"].values(), key=lambda lease: (lease["fence"], lease["lease_id"]))
    view["epochs"] = sorted(view["epochs"].values(), key=lambda epoch: (epoch["provider"], epoch["number"]))
    return view | {"timeline": [step_of(envelope) for envelope in steps]}


def newborn(event: JobSubmitted, time_ms: int) -> View:
    """The view of a job of which nothing is known but its submission."""
    return {
        "job_id": event.job_id,
        "requester": event.requester,
        "kind": event.spec.kind,
        "params": event.spec.params,
        "seal": event.spec.seal,
        "state": None,
        "price_limit": event.price_limit,
        "segments": event.spec.segments,
        "submitted_ms": time_ms,
        "deadline_ms": event.deadline_ms,
        "committed": 0,
        "paid": 0,
        "audited": 0,
        "refunded": 0,
        "gas": 0,
        "payment": None,
        "waiting": {},
        "leases": {},
        "spares": {},
        "verdicts": [],
        "epochs": {},
    }


def moved(life: Life[Any], state: str | None, event: Event) -> str | None:
    """The state after an event, which may come late."""
    target = life.targets.get(type(event))
    return state if target is None or life.is_behind(state, type(event)) else target


def fold_lease(leases: dict[str, View], event: Any) -> None:
    """Adds a lease's event to the leases of a view."""
    lease = leases.setdefault(
        event.lease_id,
        {
            "lease_id": event.lease_id,
            "provider": event.provider,
            "fence": event.fence,
            "state": None,
            "first_segment": 0,
            "segments": 0,
            "vouched": 0,
            "paid": 0,
            "slashed": 0,
            "reason": "",
        },
    )
    lease["state"] = moved(LEASE_LIFE, lease["state"], event)
    match event:
        case LeaseGranted(resume=resume) if resume is not None:
            lease["first_segment"] = resume.segment + 1
        case VoucherPresented(units=units):
            lease["vouched"] = max(lease["vouched"], units)
        case LeasePaid(amount=amount):
            lease["paid"] += amount
        case LeaseSlashed(amount=amount, reason=reason):
            lease["slashed"] += amount
            lease["reason"] = reason.value
        case LeaseReleased(code=str(code), reason=reason):
            lease["reason"] = f"{code}: {reason}"
        case LeaseLapsed(reason=reason) | LeaseReleased(reason=reason) | LeaseFailed(reason=reason):
            lease["reason"] = reason
        case LeaseRejected(code=code, segment=segment):
            lease["reason"] = f"segment {segment}: {code}"


def step_of(said: Envelope[Event]) -> View:
    """One line of the timeline."""
    detail = said.event.model_dump(mode="json", exclude=set(HIDDEN), exclude_none=True)
    return {
        "time_ms": said.time_ms,
        "event": said.event.type,
        "actor": said.source,
        "about": said.event.about,
        "detail": detail,
    }


def _close(view: View, event: Any) -> None:
    paid = sum(payout.amount for payout in event.payouts)
    view.update(paid=paid, audited=event.audited, refunded=event.refunded)
    view.update(gas=event.gas, payment=event.payment, receipt=event.receipt)


def _judge(view: View, event: VerdictReached) -> None:
    found = {finding.code for finding in event.findings}
    view["verdicts"].append(
        {
            "verdict_id": event.verdict_id,
            "lease_id": event.lease_id,
            "outcome": event.outcome,
            "drawn": list(event.drawn),
            "codes": sorted(found),
            "failed": sorted({finding.code for finding in event.findings if not finding.passed}),
            "audit_ms": event.audit_ms,
            "job_ms": event.job_ms,
        }
    )


def _commit(view: View, event: LeaseCommitted) -> None:
    view["committed"] = max(view["committed"], event.segment + 1)


def _let_go(view: View, event: SpareEnded) -> None:
    view["spares"].pop(event.spare_id, None)


def _reason(view: View, event: Any) -> None:
    view["reason"] = event.reason


FOLDS: Final[tuple[tuple[Any, Callable[[View, Any], None]], ...]] = (
    (LeaseCommitted, _commit),
    (SpareGranted, lambda view, event: view["spares"].update({event.spare_id: event.provider})),
    (SpareEnded, _let_go),
    (JobExecuted, lambda view, event: view.update(result=event.result)),
    (JobWaiting, lambda view, event: view.update(waiting=event.reasons)),
    ((JobFailed, JobUnfunded, JobRejected), _reason),
    (JobInterrupted, lambda view, event: view.update(interrupted=event.reason)),
    (JobExpired, lambda view, _: view.update(reason="The deadline passed first.")),
    (JobCancelled, lambda view, _: view.update(reason="Its requester withdrew it.")),
    ((JobVerified, JobRejected), lambda view, event: view.update(cost_share_ppm=event.cost_share_ppm)),
    (VerdictReached, _judge),
    ((JobSettled, JobRefunded), _close),
)
