"""What every kind of work offers: a plan of equal segments, each a pure function of the job and the last checkpoint.

That purity is what makes a segment checkable: whoever holds the job, its inputs and the checkpoint before can run the
segment again without seeing what the provider claimed, and compare.
"""

import io
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, ClassVar, Protocol, runtime_checkable

from pydantic import BaseModel, ConfigDict

from assay.schema.served import Request, Told, Turned
from assay.schema.values import OperatorPlace
from assay.workloads.errors import InputMissing
from assay.workloads.models import ModelStore
from assay.workloads.task import Found


class FrozenParams(BaseModel):
    """A job's parameters of one kind: immutable, and unknown names are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


@dataclass(frozen=True)
class Progress:
    """How far a running segment is: steps done of all its steps, and what they measured."""

    done: int
    total: int
    metrics: dict[str, float]


@dataclass(frozen=True)
class SegmentResult:
    """A closed segment: the checkpoint it ends in, that checkpoint's digest and the cost units spent."""

    state: bytes
    state_digest: str
    units: int
    metrics: dict[str, float]


class Inputs(Protocol):
    """What a runner offers to a workload: content by digest, already checked against it."""

    def read(self, digest: str) -> bytes:
        """Return the content with this digest. Raises InputMissing."""
        ...

    def open(self, digest: str) -> BinaryIO:
        """Return the content with this digest, to be read as a file. Raises InputMissing."""
        ...

    @property
    def models(self) -> ModelStore:
        """The models that are on this machine."""
        ...

    @property
    def private(self) -> Path | None:
        """The folder of data sets that never leave this machine, for work that may see them."""
        ...


@dataclass(frozen=True)
class HeldInputs:
    """Inputs held in memory, for a caller that has fetched them already."""

    models: ModelStore
    contents: Mapping[str, bytes] = field(default_factory=dict)
    private: Path | None = None

    def read(self, digest: str) -> bytes:
        """Return the content with this digest. Raises InputMissing."""
        if digest not in self.contents:
            raise InputMissing(f"The input {digest} is not here.")
        return self.contents[digest]

    def open(self, digest: str) -> BinaryIO:
        """Return the content with this digest, to be read as a file. Raises InputMissing."""
        return io.BytesIO(self.read(digest))


class Workload(Protocol):
    """One kind of work. `plan`, `inputs` and `requirements` are pure and cheap; the rest may load a model."""

    kind: ClassVar[str]
    Params: ClassVar[type[FrozenParams]]

    def plan(self, params: Any) -> list[int]:
        """Return the cost units of each segment, in order."""
        ...

    def inputs(self, params: Any) -> list[str]:
        """Return the digests of the data the job reads."""
        ...

    def requirements(self, params: Any) -> dict[str, int]:
        """Return what a provider must have free: `memory_bytes`, `threads`."""
        ...

    def start(self, params: Any, inputs: Inputs) -> bytes:
        """Return the checkpoint before segment 0, fixed by the job and never the provider's choice."""
        ...

    def run(
        self, params: Any, inputs: Inputs, state: bytes, index: int, progress: Callable[[Progress], None]
    ) -> SegmentResult:
        """Return segment `index` run from the checkpoint before it. Raises BadCheckpoint if `state` is not that one."""
        ...

    def digest(self, state: bytes) -> str:
        """Return the canonical digest of the checkpoint's tensors. Raises BadCheckpoint."""
        ...

    def distance(self, a: bytes, b: bytes, start: bytes) -> float:
        """Return how far the claimed checkpoint `b` is from the replayed `a`, in units of the way from `start` to `a`.

        0 for equal checkpoints, infinite where they cannot be compared by size. Raises BadCheckpoint.
        """
        ...

    def result(self, params: Any, state: bytes) -> bytes:
        """Return the artefact that the requester fetches, from the last checkpoint."""
        ...


class Line(Protocol):
    """A running task's line to those who ask: what they ask comes in, what becomes of it goes out."""

    def hear(self, wait: bool) -> list[Request]:
        """Return what was asked since the last time; if told to wait, once anything has come or the line closes."""
        ...

    @property
    def is_closed(self) -> bool:
        """Whether nobody will be served any more."""
        ...

    @property
    def allowed(self) -> int:
        """How many tokens may be said altogether by now."""
        ...

    def say(self, word: Told | Turned) -> None:
        """Tell what became of requests."""
        ...


@runtime_checkable
class Live(Protocol):
    """Work that is asked for while it runs; what was asked, signed by who asked, is part of its state."""

    def serve(self, params: Any, inputs: Inputs, state: bytes, segments: range, line: Line) -> Iterator[SegmentResult]:
        """Yield these segments, the first one after the checkpoint `state`, each once it is closed.

        Fewer if the line closes. Raises BadCheckpoint if `state` is not the one before the first.
        """
        ...


@runtime_checkable
class Warmable(Protocol):
    """Work that a process can hold ready: a model stays in its memory from one segment to the next."""

    def warm(self, params: Any, inputs: Inputs) -> None:
        """Load what the segments of a job need. Raises what `run` raises before its first step."""
        ...


@runtime_checkable
class Boxed(Protocol):
    """Work that executes programs of the job's own, each lease in a child and a box of its own."""

    def box_bytes(self, params: Any) -> int:
        """Return how much its box holds: a file system in memory, counted in `memory_bytes` of its requirements."""
        ...

    def egress(self, params: Any) -> tuple[str, ...]:
        """Return the hosts that its programs may reach, each as `assay.workloads.egress.Endpoint`; mostly none."""
        ...


@runtime_checkable
class Private(Protocol):
    """Work that sees the data sets of the machine that it runs on, which nobody else ever does."""

    is_private: ClassVar[bool]


@runtime_checkable
class Readable(Protocol):
    """Work whose claimed segments are checked by reading them: a verifier is shown a part and says what it sees.

    What it has to find out is never in what it is shown; what it says is judged by who holds the claim.
    """

    def show(self, params: Any, inputs: Inputs, state: bytes, segment: int, seed: str, spoil: str | None) -> bytes:
        """Return what is shown of the segment that a checkpoint closes; with a seed in `spoil`, of a false one.

        `seed` draws what of it will be looked at. Raises BadCheckpoint.
        """
        ...

    def read(self, params: Any, inputs: Inputs, shown: bytes, segment: int, seed: str) -> bytes:
        """Return what is seen in it. Whatever raises is the fault of this machine."""
        ...

    def judge(
        self, params: Any, state: bytes, shown: bytes, readings: Sequence[bytes], segment: int, seed: str
    ) -> list[Found]:
        """Return what each reading says of the claim that the checkpoint holds. Raises BadCheckpoint."""
        ...


@runtime_checkable
class Placed(Protocol):
    """Work whose checkpoints show, before anything is run, whether the job can go on from them."""

    def form(self, start: bytes) -> Any:
        """Return what all checkpoints of a job have in common, from its first one. Raises BadCheckpoint."""
        ...

    def check_place(self, params: Any, form: Any, state: bytes, closed: int) -> None:
        """Raise BadCheckpoint, as `run` would, unless it is a checkpoint of this form after so many segments."""
        ...


@runtime_checkable
class Chained(Protocol):
    """Work whose checkpoints hold what every segment made, while a segment is checked by its own part alone.

    What came before that part is bound by running digests, which must be those that were committed to.
    """

    def digests(self, state: bytes) -> Sequence[str]:
        """Return the digest before the first segment, and after each that the checkpoint closes.

        The last is the checkpoint's own. Raises BadCheckpoint.
        """
        ...


@runtime_checkable
class Traceable(Protocol):
    """Work whose segments are checked from the results of their operators, which whoever did it opens.

    A trace is a file; its Merkle root is bound before anybody knows the seed by which it is looked at.
    """

    def trace(self, params: Any, inputs: Inputs, state: bytes, segment: int, path: Path) -> str:
        """Return the root of the trace of a segment, run again from the checkpoint before it and written to `path`."""
        ...

    def spoil_trace(
        self, params: Any, inputs: Inputs, segment: int, source: Path, seed: str, path: Path
    ) -> tuple[str, int, int]:
        """Return the root of the trace in `source` with one result made false, drawn by `seed`, written to `path`.

        Step and operator of that result come with it.
        """
        ...

    def check_trace(
        self,
        params: Any,
        inputs: Inputs,
        state: bytes,
        segment: int,
        claim: tuple[Path, str, str],
        seed: str,
        at: tuple[OperatorPlace, str] | None = None,
    ) -> Any:
        """Return what is wrong with a trace (a TraceReading); the claim is its file, its root and the state it ends in.

        With `at`, how far off the operator there is, which another seed first looked at. Whatever raises is the fault
        of this machine.
        """
        ...


def ignore_progress(progress: Progress) -> None:
    """Drop a progress report, for a caller that wants only the result."""


def distance_of_exact(one: str, other: str) -> float:
    """Return 0 for equal digests, else infinity: for work that is never nearly right."""
    return 0.0 if one == other else math.inf
