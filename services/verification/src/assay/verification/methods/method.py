"""What a method of verification is: a check of a whole lease at once, or the comparison of a drawn segment's answers.

A fault of the machine it runs on raises MachineFault: it is never turned into a finding about the provider.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from assay.proof.job_seal import UNOPENED
from assay.schema.errors import AssayError
from assay.schema.job import JobSpec
from assay.schema.values import Digest, OperatorPlace
from assay.schema.verdict import Finding
from assay.verification.domain import Case
from assay.workloads.task import Found

WITHIN: Final = "segment.within_tolerance"
UNHELD: Final = ("blob.missing", "blob.mismatch", UNOPENED)
"""What is not there, or is not opened by its job's key: whoever named it keeps it to itself."""


class MachineFault(AssayError):
    """The service's own machine failed; the check is done again, by another replica if there is one."""

    code = "audit.machine_fault"
    advice = "The check is tried again; see the child's log for the cause."


class Replayer(Protocol):
    """What a method may ask of the machine.

    Each raises Refused of UNHELD for a checkpoint that cannot be fetched or opened, BadCheckpoint
    (WorkloadError) for one that is none, MachineFault for a fault of this machine.
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

    async def open(self, spec: JobSpec, checkpoint: Digest, closed: int) -> "Opened":
        """What a stored checkpoint is, which is said to close so many segments of the job."""
        ...

    async def distance(self, spec: JobSpec, mine: bytes, theirs: bytes, before: bytes) -> float:
        """How far one checkpoint is from another, in units of the segment's own way."""
        ...

    async def show(self, spec: JobSpec, segment: int, state: Digest, seed: Digest, spoil: Digest | None) -> bytes:
        """What a verifier is shown of the segment that a checkpoint closes; with a seed in `spoil`, of a false one."""
        ...

    async def spoil(self, spec: JobSpec, segment: int, trace: Digest, seed: Digest) -> "Spoiled":
        """A segment's trace with one result made false."""
        ...

    async def judge(self, spec: JobSpec, shown: "Shown", readings: Sequence[bytes]) -> list[Found]:
        """What each reading says of the claim."""
        ...


@dataclass(frozen=True, slots=True)
class Opened:
    """A checkpoint: the digests that it went through, its own the last; whether the job can go on from it there.

    Most work has but its own digest.
    """

    digests: Sequence[Digest]
    is_placed: bool


@dataclass(frozen=True, slots=True)
class Spoiled:
    """A trace with one result made false: its root and content, and which step's operator is wrong in it."""

    root: Digest
    content: bytes
    step: int
    operator: int


@dataclass(frozen=True, slots=True)
class Compared:
    """Whether two answers are the same, by what, and how far apart they are."""

    agrees: bool
    code: str
    distance: float | None

    def within(self, tolerance: float) -> "Compared":
        """What is found where honest answers lie no further apart than this."""
        if self.code == WITHIN and (self.distance or 0) > tolerance:
            return Compared(False, "segment.mismatch", self.distance)
        return self


Check = Callable[[Case, Replayer], Awaitable[list[Finding]]]
Before = Callable[[], Awaitable[bytes]]
Compare = Callable[[Replayer, JobSpec, bytes, bytes, Before], Awaitable[Compared]]
"""`compare(replayer, spec, mine, theirs, before)`: two checkpoints; `before` fetches the one that they started from."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A claim that is checked by reading: its segment, the blobs that hold it and what was shown of it, the seed."""

    segment: int
    state: Digest
    shown: Digest
    seed: Digest


Judge = Callable[[Replayer, JobSpec, Shown, Sequence[bytes]], Awaitable[list[Found]]]
"""`judge(replayer, spec, shown, readings)`: what each verifier's reading says of the claim."""


Tell = Callable[[bytes], Found]
"""`tell(reading)`: what a verifier's reading says of the claim, where the reading alone decides."""


Place = Callable[[bytes], OperatorPlace | None]
"""`place(reading)`: the one operator that a reading calls false, if it does; a committee can measure that."""


Measure = Callable[[bytes, OperatorPlace], Found | None]
"""`measure(reading, at)`: what a reading of one operator says, at a distance in honest noise; None if nothing."""


def is_any(spec: JobSpec) -> bool:
    """Whether it is work."""
    return True


@dataclass(frozen=True, slots=True)
class Method:
    """A method with its row of the table: `misses_ppm` of false segments that it looks at are not seen by it.

    `suits` says of which work it can judge. `in_class` is its name where claim and answer are of one class of machine,
    if equal bits are asked there. With `is_opened`, the provider opens what is drawn before verifiers are asked.
    """

    name: str
    tier: str
    misses_ppm: int
    check: Check | None = None
    compare: Compare | None = None
    judge: Judge | None = None
    tell: Tell | None = None
    place: Place | None = None
    measure: Measure | None = None
    suits: Callable[[JobSpec], bool] = is_any
    in_class: str | None = None
    is_opened: bool = False

    @property
    def is_read(self) -> bool:
        """Whether verifiers read what they are shown of the claim, and run nothing."""
        return self.judge is not None or self.tell is not None

    def admits(self, spec: JobSpec) -> bool:
        """Whether this work may be checked so."""
        return self.suits(spec)
