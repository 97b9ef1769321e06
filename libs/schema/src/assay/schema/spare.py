"""The spare: another provider that keeps warm for a running job, to carry on at once should the job's lease fall.

A spare has no right to run anything: that comes with a lease alone. It is not paid, and never in the way of paid work.
"""

from enum import StrEnum
from typing import Final

from assay.schema.event import Event
from assay.schema.job import JobSpec
from assay.schema.lease import ResumePoint
from assay.schema.life import Life, Move
from assay.schema.values import Code, JobId, Millis, ProviderId, Reason, Role, SegmentIndex, SpareId, Value

CALLED: Final = "spare.called"
"""The code by which a spare ends whose provider was granted the job's lease."""


class SpareFact(Value):
    """What every event of a spare names."""

    spare_id: SpareId
    job_id: JobId
    provider: ProviderId


class SpareGranted(SpareFact, Event, type="spare.granted", by=Role.MATCHING, tells=("provider",)):
    """Emitted when a provider is asked to keep warm for a job that another one runs. Consumed by the gateway.

    `resume` is the last commitment by then, if there is one.
    """

    spec: JobSpec
    resume: ResumePoint | None = None
    deadline_ms: Millis


class SpareAdvanced(SpareFact, Event, type="spare.advanced", by=Role.MATCHING, tells=("provider",)):
    """Emitted with each commitment of the job's lease: where the spare would carry on from now on."""

    point: ResumePoint


class SpareWarmed(SpareFact, Event, type="spare.warmed", by=Role.PROVIDER):
    """Emitted when the spare has the inputs, its child what the work needs, and the checkpoint after `segment` is here.

    Without `segment` there was no commitment yet. It is the provider's word, for those who watch.
    """

    segment: SegmentIndex | None = None


class SpareEnded(SpareFact, Event, type="spare.ended", by=Role.MATCHING, tells=("provider",)):
    """Emitted when a spare is let go: it was given the lease, fell silent, has no free slot left, or the job ended."""

    code: Code
    reason: Reason


class SpareState(StrEnum):
    STANDING = "standing"
    ENDED = "ended"


_S = SpareState

TRANSITIONS: Final[tuple[Move[SpareState], ...]] = (
    Move((), SpareGranted, _S.STANDING, Role.MATCHING),
    Move((_S.STANDING,), SpareAdvanced, _S.STANDING, Role.MATCHING),
    Move((_S.STANDING,), SpareWarmed, _S.STANDING, Role.PROVIDER),
    Move((_S.STANDING,), SpareEnded, _S.ENDED, Role.MATCHING),
)

SPARE_LIFE: Final = Life("spare", TRANSITIONS)
