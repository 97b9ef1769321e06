"""Regression by a small network, computed exactly: one hidden layer, mean squared error, plain gradient descent.

A step is one program of primitives with the same bits on every machine, so that a dispute about a segment is searched
down to one operator and its element judged by the contract. The work itself is in `regression`.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, ClassVar, Final, Self

from pydantic import Field, model_validator

from assay.schema.values import Digest
from assay.workloads.cut import check_cut
from assay.workloads.workload import FrozenParams, Inputs, Progress, SegmentResult, distance_of_exact

if TYPE_CHECKING:
    from assay.workloads.court.matter import Matter

PASSES: Final = 6
"""Multiplications and additions with each weight in a step for each row: forward once, backward twice."""

Side = Annotated[int, Field(ge=1, le=1_024)]


class RegressParams(FrozenParams):
    """The network, the data by digest (safetensors: `x` [rows, features], `y` [rows, outputs]) and how to learn."""

    data: Digest
    features: Side
    hidden: Side
    outputs: Side
    batch: Side
    steps: Annotated[int, Field(ge=1, le=1_000_000)]
    segment_steps: Annotated[int, Field(ge=1, le=10_000)]
    learning_rate: Annotated[float, Field(gt=0, le=1, allow_inf_nan=False)]
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 0

    @model_validator(mode="after")
    def has_equal_segments(self) -> Self:
        """Refuse a job whose segments would differ in cost or be too many."""
        check_cut(self.steps, self.segment_steps, "steps", "segment_steps")
        return self

    @property
    def numerics(self) -> str:
        """How it computes: there is no other way."""
        return "exact"

    @property
    def segment_units(self) -> int:
        """What a segment costs: its multiplications and additions."""
        weights = self.hidden * (self.features + self.outputs)
        return PASSES * weights * self.batch * self.segment_steps


class Regress:
    """Regression as a workload."""

    kind: ClassVar[str] = "regress"
    Params: ClassVar[type[FrozenParams]] = RegressParams

    def plan(self, params: RegressParams) -> list[int]:
        """Return the multiplications and additions of each segment."""
        return [params.segment_units] * (params.steps // params.segment_steps)

    def inputs(self, params: RegressParams) -> list[str]:
        """Return the digest of the data."""
        return [params.data]

    def requirements(self, params: RegressParams) -> dict[str, int]:
        """Return what data, weights and one step take, generously."""
        return {"memory_bytes": 64 << 20, "threads": 1}

    def start(self, params: RegressParams, inputs: Inputs) -> bytes:
        """Return weights drawn from the seed, evenly around zero, the smaller the more inputs they add up."""
        from assay.workloads.regression import build_start

        return build_start(params)

    def run(
        self, params: RegressParams, inputs: Inputs, state: bytes, index: int, progress: Callable[[Progress], None]
    ) -> SegmentResult:
        """Return the segment after `state`. Raises BadCheckpoint, BadParams, BadData, Diverged."""
        from assay.workloads.regression import learn

        after = learn(params, self.matter(params, inputs, index), state, progress)
        return SegmentResult(after, self.digest(after), params.segment_units, {})

    def matter(self, params: RegressParams, inputs: Inputs, index: int) -> "Matter":
        """Return a segment as the court takes it. Raises BadParams, BadData."""
        from assay.workloads.regression import build_matter

        return build_matter(params, inputs, index)

    def digest(self, state: bytes) -> str:
        """Return the canonical digest of the weights. Raises BadCheckpoint."""
        from assay.workloads.checkpoint import digest_of, read_tensors

        return digest_of(read_tensors(state))

    def form(self, start: bytes) -> None:
        """Return nothing: the parameters fix the form."""

    def check_place(self, params: RegressParams, form: None, state: bytes, closed: int) -> None:
        """Raise BadCheckpoint unless it holds weights of this network."""
        from assay.workloads.regression import read_state

        read_state(state, params)

    def distance(self, a: bytes, b: bytes, start: bytes) -> float:
        """Return 0 for equal weights, else infinity: exact work is never nearly right. Raises BadCheckpoint."""
        return distance_of_exact(self.digest(a), self.digest(b))

    def result(self, params: RegressParams, state: bytes) -> bytes:
        """Return the weights, as safetensors. Raises BadCheckpoint."""
        from assay.workloads.regression import read_state, write_state

        return write_state(read_state(state, params))
