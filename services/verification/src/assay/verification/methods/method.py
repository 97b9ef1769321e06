"""What a method of verification is: a check of a whole lease at once, or the comparison of a drawn segment's answers.

A fault of the machine it runs on raises MachineFault: it is never turned into a finding about the provider.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

from assay.schema.errors import AssayError
from assay.schema.job import JobSpec
from assay.schema.values import Digest
from assay.schema.verdict import Finding
from assay.verification.domain import Case


class MachineFault(AssayError):
    """The service's own machine failed; the check is done again, by another replica if there is one."""

    code = "audit.machine_fault"
    advice = "The check is tried again; see the child's log for the cause."


class Replayer(Protocol):
    """What a method may ask of the machine.

    Each raises Refused blob.missing for a checkpoint that cannot be fetched, BadCheckpoint (WorkloadError) for one
    that is none, MachineFault for a fault of this machine.
    """

    async def start(self, spec: JobSpec) -> Digest:
        """The canonical digest of the state that the job fixes as its first."""
        ...

    async def start_bytes(self, spec: JobSpec) -> bytes:
        """The start state itself."""
        ...

    async def result(self, spec: JobSpec, checkpoint: Digest) -> tuple[Digest, Digest]:
        """The state's digest of the last checkpoint, and the blob digest of the artefact that follows from it."""
        ...

    async def digest(self, spec: JobSpec, state: bytes) -> Digest:
        """The canonical digest of a checkpoint's bytes."""
        ...

    async def distance(self, spec: JobSpec, mine: bytes, theirs: bytes, before: bytes) -> float:
        """How far one checkpoint is from another, in units of the segment's own way."""
        ...


@dataclass(frozen=True, slots=True)
class Compared:
    """Whether two answers are the same, by what, and how far apart they are."""

    agrees: bool
    code: str
    distance: float


Check = Callable[[Case, Replayer], Awaitable[list[Finding]]]
Before = Callable[[], Awaitable[bytes]]
Compare = Callable[[Replayer, JobSpec, bytes, bytes, Before], Awaitable[Compared]]
"""`compare(replayer, spec, mine, theirs, before)`: two checkpoints; `before` fetches the one that they started from."""


@dataclass(frozen=True, slots=True)
class Method:
    """A method with its row of the table: `misses_ppm` of false segments that it looks at are not seen by it.

    `kinds` are those that admit it; none means every kind.
    """

    name: str
    tier: str
    misses_ppm: int
    check: Check | None = None
    compare: Compare | None = None
    kinds: tuple[str, ...] = ()

    def admits(self, kind: str) -> bool:
        """Whether work of this kind may be checked so."""
        return not self.kinds or kind in self.kinds
