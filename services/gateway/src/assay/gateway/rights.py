"""Who has a right to a key, and until when: the rule, by what a participant has of the work. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from assay.schema.audit import AuditAssigned, AuditState
from assay.schema.dispute import DisputeState
from assay.schema.errors import Refused
from assay.schema.event import Event
from assay.schema.job import JobState, JobSubmitted
from assay.schema.lease import LeaseGranted, LeaseState
from assay.schema.spare import SpareGranted, SpareState

JOB, LEASE, SPARE, AUDIT, DISPUTE = "job", "lease", "spare", "audit", "dispute"
CLOSED: Final[Mapping[str, frozenset[str]]] = {
    JOB: frozenset({JobState.SETTLED, JobState.REFUNDED, JobState.UNFUNDED}),
    LEASE: frozenset({LeaseState.VERIFIED, LeaseState.PAID, LeaseState.SLASHED, LeaseState.SPARED}),
    SPARE: frozenset({SpareState.ENDED}),
    AUDIT: frozenset(
        {AuditState.DECLINED, AuditState.LAPSED, AuditState.UPHELD, AuditState.OVERRULED, AuditState.PAID}
    ),
    DISPUTE: frozenset({DisputeState.RULED}),
}
"""The states in which nobody needs the data any more. A lease is not done when its work is: its provider may have to
open a trace, or to stand by it."""
STOPPED: Final = frozenset({LeaseState.FAILED, LeaseState.LAPSED, LeaseState.RELEASED})
"""Here a lease is over, unless it has committed to something that its provider answers for."""

Noted = tuple[str, str, str, str, int | None]


@dataclass(frozen=True, slots=True)
class Right:
    """What gives a right to a key; `has_work` says whether a lease committed to anything.

    After `until_ms` nothing but a job needs it any more: of that it is the deadline, from which on its results lie.
    """

    entity: str
    id: str
    participant: str
    until_ms: int | None
    state: str | None
    has_work: bool

    def is_open(self, now_ms: int) -> bool:
        """Whether the data may still be needed for it."""
        is_late = self.entity != JOB and self.until_ms is not None and self.until_ms < now_ms
        if is_late or self.state in CLOSED[self.entity]:
            return False
        return self.entity != LEASE or self.has_work or self.state not in STOPPED


def bases_of(rights: Iterable[Right], now_ms: int) -> list[Right]:
    """What a reader is given the key for: all that is open. Raises Refused: key.undrawn, key.ended."""
    known = [right for right in rights if right.entity != JOB]
    if not known:
        raise Refused("key.undrawn")
    if found := [right for right in known if right.is_open(now_ms)]:
        return found
    last = known[-1]
    raise Refused("key.ended", f"The {last.entity} {last.id} is {last.state or 'over'}.")


def check_region(region: str | None, allowed: Iterable[str]) -> None:
    """Raises Refused, key.region, unless the data may be there."""
    if (places := list(allowed)) and region not in places:
        raise Refused("key.region", f"{region or 'nowhere'} is none of {', '.join(places)}.")


def rights_in(event: Event) -> list[Noted]:
    """The rights that an event gives to keys: digest or name, entity, id, participant, and until when at the most."""
    said: Any = event
    whose: tuple[str, str, str, int | None]
    match event:
        case JobSubmitted():
            return [
                (name, JOB, event.job_id, event.requester, event.deadline_ms if name == event.spec.seal else None)
                for name in event.spec.keys
            ]
        case LeaseGranted():
            whose = (LEASE, event.lease_id, event.provider, None)
        case SpareGranted():
            whose = (SPARE, event.spare_id, event.provider, event.deadline_ms)
        case AuditAssigned():
            whose = (AUDIT, event.audit_id, event.verifier, event.deadline_ms)
        case _:
            return []
    return [(digest, *whose) for digest in said.spec.keys]
