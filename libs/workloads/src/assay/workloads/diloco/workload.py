"""DiLoCo as two kinds of work: a member's inner steps, and the outer step. Both are replayed by verifiers.

A member's segment is run again and compared: bit by bit in `exact` numerics, else within the tolerance of float32. An
outer step is elementwise arithmetic in a fixed order, the same bits on every machine: only equal ones agree.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar

from assay.workloads.diloco.params import MemberParams, OuterParams
from assay.workloads.errors import BadParams
from assay.workloads.memory import UNNAMED_PARAMETERS, bytes_of, bytes_to_join
from assay.workloads.workload import FrozenParams, Inputs, Progress, SegmentResult, distance_of_exact

if TYPE_CHECKING:
    from assay.workloads.checkpoint import Shapes

UNNAMED_WHOLE = 25_000_000
"""What is asked for where a course on all weights does not say how large its model is; an adapter has fewer."""


class Member:
    """A member's round."""

    kind: ClassVar[str] = "diloco"
    Params: ClassVar[type[FrozenParams]] = MemberParams

    def plan(self, params: MemberParams) -> list[int]:
        """Return the tokens trained on in each segment."""
        return [params.steps_each * params.batch * params.sequence_tokens] * params.segment_count

    def inputs(self, params: MemberParams) -> list[str]:
        """Return the shard, what the outer state follows from, and what the member carries."""
        carried = [params.carried] if params.carried else []
        return list(dict.fromkeys([params.data, *params.past, *carried]))

    def requirements(self, params: MemberParams) -> dict[str, int]:
        """Return what a model of this size needs: weights, moments and the outer state, then activations."""
        form, unnamed = ("lora", UNNAMED_PARAMETERS) if params.lora_rank else ("round", UNNAMED_WHOLE)
        needed = bytes_of(form, params.model_parameters or unnamed, params.batch * params.sequence_tokens)
        return {"memory_bytes": needed, "threads": params.threads}

    def start(self, params: MemberParams, inputs: Inputs) -> bytes:
        """Return the state before the first segment: of a round that is cut the weights, else nothing.

        Raises BadData, BadParams, InputMissing, ModelMissing.
        """
        from assay.workloads.diloco.member import start_of

        return start_of(params, inputs)

    def run(
        self, params: MemberParams, inputs: Inputs, state: bytes, index: int, progress: Callable[[Progress], None]
    ) -> SegmentResult:
        """Return the segment after `state`.

        Raises BadCheckpoint, BadData, BadParams, Diverged, InputMissing, ModelMissing, ModelUnsupported.
        """
        from assay.workloads.diloco.member import train_segment

        return train_segment(params, inputs, state, index, progress)

    def digest(self, state: bytes) -> str:
        """Return the canonical digest of a checkpoint. Raises BadCheckpoint."""
        from assay.workloads.diloco.states import digest

        return digest(state)

    def form(self, start: bytes) -> "Shapes | None":
        """Return the shapes of what is trained, of a round that is cut. Raises BadCheckpoint."""
        from assay.workloads.diloco.states import form_of

        return form_of(start)

    def check_place(self, params: MemberParams, form: "Shapes | None", state: bytes, closed: int) -> None:
        """Raise BadCheckpoint unless it is the round's result, or holds these tensors after so many segments."""
        from assay.workloads.diloco.states import check_place

        check_place(state, form, closed * params.steps_each, is_last=closed == params.segment_count)

    def distance(self, a: bytes, b: bytes, start: bytes) -> float:
        """Return how far two checkpoints are apart, by the way of the first. Raises BadCheckpoint."""
        from assay.workloads.diloco.states import distance

        return distance(a, b, start)

    def result(self, params: MemberParams, state: bytes) -> bytes:
        """Return the packed pseudo-gradient, and behind it what error feedback carries on: the last state itself."""
        from assay.workloads.diloco.states import read_last

        read_last(state)
        return state


class OuterStep:
    """An outer step, or the state that a past comes to."""

    kind: ClassVar[str] = "diloco-outer"
    Params: ClassVar[type[FrozenParams]] = OuterParams

    def plan(self, params: OuterParams) -> list[int]:
        """Return one segment that costs by the results it reads."""
        return [params.units]

    def inputs(self, params: OuterParams) -> list[str]:
        """Return the results, and what the outer state follows from."""
        return list(dict.fromkeys([*params.past, *params.results]))

    def requirements(self, params: OuterParams) -> dict[str, int]:
        """Return what a model of this size needs, by the results of a round."""
        most = max([len(params.results), *map(len, params.history)], default=1)
        trained = UNNAMED_WHOLE if params.lora_rank else params.model_parameters or UNNAMED_WHOLE
        return {"memory_bytes": bytes_to_join(trained, most), "threads": 1}

    def start(self, params: OuterParams, inputs: Inputs) -> bytes:
        """Return the state before the step: what the parameters name, and nothing besides."""
        from assay.workloads.diloco.states import BEGIN

        return BEGIN

    def run(
        self, params: OuterParams, inputs: Inputs, state: bytes, index: int, progress: Callable[[Progress], None]
    ) -> SegmentResult:
        """Return the step. Raises BadCheckpoint, BadData, BadParams, Diverged, InputMissing, ModelMissing."""
        from assay.workloads.diloco.outer import take_step

        if index:
            raise BadParams("An outer step is one segment.")
        closing, metrics = take_step(params, inputs, state)
        return SegmentResult(closing, self.digest(closing), params.units, metrics)

    def digest(self, state: bytes) -> str:
        """Return the canonical digest of an outcome, a keyframe or a model. Raises BadCheckpoint."""
        from assay.workloads.diloco.states import digest

        return digest(state)

    def distance(self, a: bytes, b: bytes, start: bytes) -> float:
        """Return 0 for equal states, else infinity: an outer step is never nearly right. Raises BadCheckpoint."""
        return distance_of_exact(self.digest(a), self.digest(b))

    def result(self, params: OuterParams, state: bytes) -> bytes:
        """Return the outcome, the keyframe or the model. Raises BadCheckpoint."""
        self.digest(state)
        return state
