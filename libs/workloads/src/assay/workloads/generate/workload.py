"""Batch inference as a workload: its plan, which needs no torch; the work itself is in `decode`.

A segment's tokens depend on rounding where two of them are nearly alike, and everything after such a token differs. So
a replay settles a segment only where it is bit-equal, on the same kind of machine; elsewhere `check` does, which reads
prompt and answer once and measures how far tokens and sketches are from what the model says.
"""

from collections.abc import Callable, Sequence
from typing import ClassVar

from assay.workloads.generate.params import GenerateParams, kept_tokens
from assay.workloads.generate.state import read_checkpoint, start_of
from assay.workloads.memory import KEPT_TOKEN_BYTES, UNNAMED_PARAMETERS, bytes_of
from assay.workloads.task import Found
from assay.workloads.workload import FrozenParams, Inputs, Progress, SegmentResult, distance_of_exact


class Generate:
    """Prompts in, completions out."""

    kind: ClassVar[str] = "generate"
    Params: ClassVar[type[FrozenParams]] = GenerateParams

    def plan(self, params: GenerateParams) -> list[int]:
        """Return for each segment the tokens that it may write."""
        return [params.segment_requests * params.max_tokens] * params.segments

    def inputs(self, params: GenerateParams) -> list[str]:
        """Return the digests of the prompts, and of the model's files if they come with the job."""
        return params.reading([params.prompts])

    def requirements(self, params: GenerateParams) -> dict[str, int]:
        """Return what a model of this size needs: weights, then keys and values by token."""
        parameters, kept = params.model_parameters or UNNAMED_PARAMETERS, kept_tokens(params)
        return {"memory_bytes": bytes_of("text", parameters, kept, KEPT_TOKEN_BYTES), "threads": params.threads}

    def start(self, params: GenerateParams, inputs: Inputs) -> bytes:
        """Return the checkpoint that holds no answers yet, bound to the job's parameters."""
        return start_of(params).encode()

    def run(
        self, params: GenerateParams, inputs: Inputs, state: bytes, index: int, progress: Callable[[Progress], None]
    ) -> SegmentResult:
        """Return the segment completed after the checkpoint before it.

        Raises BadCheckpoint, BadData, BadParams, InputMissing, ModelMissing, ModelCorrupt, ModelUnsupported.
        """
        from assay.workloads.generate.decode import run_segment

        return run_segment(params, inputs, state, index, progress)

    def warm(self, params: GenerateParams, inputs: Inputs) -> None:
        """Load the model. Raises ModelMissing, ModelCorrupt, ModelUnsupported."""
        from assay.workloads.generate.engine import load_engine

        load_engine(params.model, inputs.models, params.dtype, params.threads)

    def digest(self, state: bytes) -> str:
        """Return the running digest over all segments of the checkpoint. Raises BadCheckpoint."""
        checkpoint = read_checkpoint(state)
        return checkpoint.link(checkpoint.closed).hex()

    def digests(self, state: bytes) -> tuple[str, ...]:
        """Return the running digest before the first segment, and after each. Raises BadCheckpoint."""
        return tuple(link.hex() for link in read_checkpoint(state).links)

    def distance(self, a: bytes, b: bytes, start: bytes) -> float:
        """Return 0 for equal checkpoints, else infinity: one other token changes all that follow."""
        return distance_of_exact(self.digest(a), self.digest(b))

    def result(self, params: GenerateParams, state: bytes) -> bytes:
        """Return the completions as lines of JSON, in the order of the prompts. Raises BadCheckpoint."""
        return b"".join(read_checkpoint(state).lines)

    def show(
        self, params: GenerateParams, inputs: Inputs, state: bytes, segment: int, seed: str, spoil: str | None
    ) -> bytes:
        """Return the excerpt by which the last segment of a checkpoint is checked; with a seed in `spoil`, a false one.

        Raises BadCheckpoint, ModelMissing, ModelCorrupt.
        """
        from assay.workloads.generate.check import draw_drawn
        from assay.workloads.generate.engine import load_wording
        from assay.workloads.generate.excerpt import excerpt_of
        from assay.workloads.generate.excerpt import spoil as spoil_excerpt

        excerpt = excerpt_of(state, params, segment)
        if spoil is not None:
            wording = load_wording(params.model, inputs.models.root)
            excerpt = spoil_excerpt(excerpt, params, segment, draw_drawn(seed, params, segment), spoil, wording)
        return excerpt.encode()

    def read(self, params: GenerateParams, inputs: Inputs, shown: bytes, segment: int, seed: str) -> bytes:
        """Return what the model says of an excerpt. Raises CheckFailed, InputMissing, ModelMissing, ModelCorrupt."""
        from assay.workloads.generate.reading import read_segment

        return read_segment(params, inputs, shown, segment, seed).encode()

    def judge(
        self, params: GenerateParams, state: bytes, shown: bytes, readings: Sequence[bytes], segment: int, seed: str
    ) -> list[Found]:
        """Return what readings of an excerpt say of the claim in a checkpoint. Raises BadCheckpoint."""
        from assay.workloads.generate.reading import judge_readings

        return judge_readings(params, state, shown, readings, segment, seed)
