"""Served inference as a workload: its plan, which needs no torch; the work itself is in `live`.

Nothing can be run again, for what is asked is not known beforehand: a segment is checked by reading it (`prefill`),
with the requests that its caller signed.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import ClassVar

from assay.workloads.errors import BadParams
from assay.workloads.generate.params import kept_tokens
from assay.workloads.generate.state import read_checkpoint
from assay.workloads.memory import KEPT_TOKEN_BYTES, UNNAMED_PARAMETERS, bytes_of
from assay.workloads.serve.params import ServeParams
from assay.workloads.task import Found
from assay.workloads.workload import FrozenParams, Inputs, Line, Progress, SegmentResult, distance_of_exact


class Serve:
    """Requests in, answers out, while the lease lasts."""

    kind: ClassVar[str] = "serve"
    Params: ClassVar[type[FrozenParams]] = ServeParams

    def plan(self, params: ServeParams) -> list[int]:
        """Return for each segment the tokens that it may write."""
        return [params.segment_requests * params.max_tokens] * params.segments

    def inputs(self, params: ServeParams) -> list[str]:
        """Return the digests of the model's files, if they come with the job; requests come while it runs."""
        return params.reading([])

    def requirements(self, params: ServeParams) -> dict[str, int]:
        """Return what a model of this size needs: weights, then keys and values by token."""
        parameters, kept = params.model_parameters or UNNAMED_PARAMETERS, kept_tokens(params)
        return {"memory_bytes": bytes_of("text", parameters, kept, KEPT_TOKEN_BYTES), "threads": params.threads}

    def start(self, params: ServeParams, inputs: Inputs) -> bytes:
        """Return the checkpoint that holds no answers yet, bound to the job's parameters."""
        from assay.workloads.serve.lines import start_of

        return start_of(params).encode()

    def run(
        self, params: ServeParams, inputs: Inputs, state: bytes, index: int, progress: Callable[[Progress], None]
    ) -> SegmentResult:
        """Raises BadParams: a segment that was served is read, not run again."""
        raise BadParams("What is asked while a job runs cannot be asked again.")

    def serve(
        self, params: ServeParams, inputs: Inputs, state: bytes, segments: range, line: Line
    ) -> Iterator[SegmentResult]:
        """Yield these segments as they close; fewer if the line closes.

        Raises BadCheckpoint, ModelMissing, ModelCorrupt, ModelUnsupported.
        """
        from assay.workloads.serve.live import serve_segments

        return serve_segments(params, inputs, state, segments, line)

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

    def result(self, params: ServeParams, state: bytes) -> bytes:
        """Return requests and answers as lines of JSON, in the order of the requests. Raises BadCheckpoint."""
        return b"".join(read_checkpoint(state).lines)

    def show(
        self, params: ServeParams, inputs: Inputs, state: bytes, segment: int, seed: str, spoil: str | None
    ) -> bytes:
        """Return the excerpt by which the last segment of a checkpoint is checked; with a seed in `spoil`, a false one.

        Raises BadCheckpoint, ModelMissing, ModelCorrupt.
        """
        from assay.workloads.generate.engine import load_wording
        from assay.workloads.generate.excerpt import excerpt_of
        from assay.workloads.serve.showing import spoil as spoil_excerpt

        excerpt = excerpt_of(state, params, segment)
        if spoil is not None:
            wording = load_wording(params.model, inputs.models.root)
            excerpt = spoil_excerpt(excerpt, params, segment, seed, spoil, wording)
        return excerpt.encode()

    def read(self, params: ServeParams, inputs: Inputs, shown: bytes, segment: int, seed: str) -> bytes:
        """Return what the model says of an excerpt. Raises CheckFailed, ModelMissing, ModelCorrupt."""
        from assay.workloads.serve.reading import read_served

        return read_served(params, inputs, shown, segment, seed).encode()

    def judge(
        self, params: ServeParams, state: bytes, shown: bytes, readings: Sequence[bytes], segment: int, seed: str
    ) -> list[Found]:
        """Return what readings of an excerpt say of the claim in a checkpoint. Raises BadCheckpoint."""
        from assay.workloads.generate.reading import judge_readings

        return judge_readings(params, state, shown, readings, segment, seed)
