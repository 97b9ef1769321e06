"""What a method of verification is: a function from a case and its draw to findings.

A method gets the inputs of a segment, never the claimed output, until it has its own. A fault of the machine it runs
on raises MachineFault: it is never turned into a finding about the provider.
"""

from collections.abc import Awaitable, Callable
from typing import Protocol

from assay.schema.errors import AssayError
from assay.schema.values import Digest
from assay.schema.verdict import Finding
from assay.verification.domain import Case, Draw
from assay.workloads.task import SegmentDone


class MachineFault(AssayError):
    """The auditor's own machine failed; the audit is done again, by another one if there is one."""

    code = "audit.machine_fault"
    advice = "The audit is tried again; see the child's log for the cause."


class Replayer(Protocol):
    """What a method may ask of the machine. A checkpoint of None is the job's start state.

    Each raises Refused blob.missing for a checkpoint that cannot be fetched, BadCheckpoint (WorkloadError) for one
    that is none, MachineFault for a fault of this machine.
    """

    async def state(self, checkpoint: Digest | None) -> Digest:
        """The canonical digest of a checkpoint."""
        ...

    async def segment(self, index: int, checkpoint: Digest | None) -> SegmentDone:
        """Segment `index` run again from a checkpoint."""
        ...

    async def result(self, checkpoint: Digest) -> Digest:
        """The blob digest of the artefact that follows from the last checkpoint."""
        ...

    async def distance(self, mine: SegmentDone, claimed: Digest, checkpoint: Digest | None) -> float:
        """How far a claimed checkpoint is from the replayed one, in units of the segment's own way."""
        ...


Method = Callable[[Case, Draw, Replayer], Awaitable[list[Finding]]]
