"""What a receipt shows of the epochs in which the leases of a job were proven, and of what contradicts itself; pure.

Nothing is closed before it can be shown: root, anchor, draw and how the epoch ended.
"""

from collections.abc import Iterable, Sequence
from typing import Any, TypeVar

from assay.proof.provenance import AuditPart, EpochPart, FaultPart, TracePart
from assay.schema.audit import AuditOverruled, AuditUpheld
from assay.schema.epoch import (
    EpochAnchored,
    EpochClosed,
    EpochCommitted,
    EpochDrawn,
    EpochPassed,
    EpochPooled,
    EpochRejected,
)
from assay.schema.event import Envelope, Event
from assay.schema.lease import LeaseCommitted
from assay.settlement.domain import Dossier

Wanted = TypeVar("Wanted", bound=Event)


def epochs_of(dossier: Dossier) -> tuple[str, ...]:
    """The epochs that the verdicts on the job's leases name, each once."""
    found = (dossier.verified.get(share.lease_id) or dossier.rejected.get(share.lease_id) for share in dossier.shares)
    verdicts = (dossier.verdicts[outcome.verdict_id] for outcome in found if outcome)
    return tuple(dict.fromkeys(verdict.epoch_id for verdict in verdicts if verdict.epoch_id))


def beacon_block(said: Sequence[Event]) -> int | None:
    """The block that an epoch was drawn by, once all is known that its part of a receipt shows."""
    drawn, ended = first(said, EpochDrawn), first(said, EpochPassed) or first(said, EpochRejected)
    is_whole = drawn and ended and closed_by(said) and first(said, EpochAnchored)
    return drawn.block if drawn and ended and is_whole and len(audit_parts(said)) >= ended.audits else None


def closed_by(said: Sequence[Event]) -> EpochClosed | None:
    """What an epoch was closed by."""
    return first(said, EpochCommitted) or first(said, EpochPooled)


def count_disputes(said: Sequence[Event]) -> int:
    """How many disputes the receipts of an epoch's jobs have to wait for."""
    ended = first(said, EpochPassed) or first(said, EpochRejected)
    return ended.disputes if ended else 0


def epoch_part(said: Sequence[Event], block_hash: bytes) -> EpochPart:
    """The part of a receipt about an epoch of which all is known."""
    closed, anchored, drawn = closed_by(said), first(said, EpochAnchored), first(said, EpochDrawn)
    assert closed and anchored and drawn
    fault = None
    if rejected := first(said, EpochRejected):
        fault = FaultPart(lease_id=rejected.lease_id, segment=rejected.segment, code=rejected.code)
    passed = first(said, EpochPassed)
    more: dict[str, Any] = {
        "fault": fault,
        "traces": trace_parts(said),
        "unproven": passed.unproven if passed else None,
    }
    return EpochPart.of(closed, anchored, drawn, block_hash, audits=audit_parts(said), **more)


def audit_parts(said: Sequence[Event]) -> tuple[AuditPart, ...]:
    """What verifiers answered about the drawn segments of an epoch, in the order of the segments."""
    ended = [event for event in said if isinstance(event, AuditUpheld | AuditOverruled)]
    return tuple(sorted(map(audit_part, ended), key=lambda part: (part.lease_id, part.segment, part.verifier)))


def audit_part(event: AuditUpheld | AuditOverruled) -> AuditPart:
    """One answer that stands, or that was proven false."""
    assert event.lease_id is not None and event.segment is not None and event.method is not None
    stands = "agreed" if event.agreed else "differed"
    return AuditPart(
        lease_id=event.lease_id,
        segment=event.segment,
        verifier=event.verifier,
        method=event.method,
        outcome="overruled" if isinstance(event, AuditOverruled) else stands,
        group=event.group,
    )


def trace_parts(said: Sequence[Event]) -> tuple[TracePart, ...]:
    """The traces that verifiers looked at, each once, in the order of the segments."""
    ended = [event for event in said if isinstance(event, AuditUpheld | AuditOverruled)]
    opened = {(e.lease_id, e.segment): e.opened for e in ended if e.lease_id and e.segment is not None and e.opened}
    return tuple(
        TracePart(lease_id=lease_id, segment=segment, **opened[lease_id, segment].model_dump())
        for lease_id, segment in sorted(opened)
    )


def ordered_by(job: str, epochs: Iterable[Sequence[Event]]) -> list[AuditUpheld]:
    """The audits in these epochs that a job's order asked for, in the order of their ids."""
    upheld = (event for said in epochs for event in said if isinstance(event, AuditUpheld) and event.ordered_by == job)
    return sorted(upheld, key=lambda audit: audit.audit_id)


def doubled(said: Iterable[Envelope[Any]], lease: str) -> list[Envelope[LeaseCommitted]]:
    """The first two different commitments to one segment of a lease, or none."""
    known: dict[int, Envelope[LeaseCommitted]] = {}
    for envelope in said:
        event = envelope.event
        if type(event) is LeaseCommitted and event.lease_id == lease:
            earlier = known.setdefault(event.segment, envelope)
            if earlier.event.commitment != event.commitment:
                return [earlier, envelope]
    return []


def first(said: Iterable[Event], kind: type[Wanted]) -> Wanted | None:
    """The first event of a kind."""
    return next((event for event in said if isinstance(event, kind)), None)
