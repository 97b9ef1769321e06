"""Fine-tuning of a causal language model on a text or on chats: parameters and plan, which need no torch.

Everything that could be the provider's choice is fixed by the parameters: the start (an adapter drawn from integers by
BLAKE3, for torch's own initialiser differs between instruction sets, or the model's own weights), the order of the
data, the optimiser and the thread count. A checkpoint holds what is trained (an adapter, or with `method: full` every
weight) and both AdamW moments, so a segment is a function of parameters, data and checkpoint. On one machine it is the
same to the last bit from process to process; between kinds of machine it differs by rounding, which `distance`
measures; with exact numerics it is the same to the last bit on all of them. The work itself is in `training`.

Verified by replay: with exact numerics bit for bit anywhere, with native ones bit for bit in one class of machine and
within the calibrated tolerance of float32 elsewhere. An order may ask for the check of the trace instead, of a LoRA
adapter on plain text without accumulation or clipping; in bfloat16 nothing else checks it.
"""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from assay.schema.values import Digest, OperatorPlace
from assay.workloads.cut import check_cut
from assay.workloads.given import OfModel
from assay.workloads.memory import bytes_to_ask
from assay.workloads.workload import FrozenParams, Inputs, Progress, SegmentResult

if TYPE_CHECKING:
    from assay.workloads.checkpoint import Shapes
    from assay.workloads.court.matter import Matter

Target = Literal["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]


def sort_targets(targets: tuple[Target, ...]) -> tuple[Target, ...]:
    """Return the targets in name order. Raises ValueError for a repeated one."""
    if len(set(targets)) != len(targets):
        raise ValueError("name each target once")
    return tuple(sorted(targets))


class FinetuneParams(OfModel):
    """What fixes a fine-tuning job to the last bit on one kind of machine."""

    data: Digest
    data_form: Literal["text", "chat"] = "text"
    """A UTF-8 text, or lines of JSON {"messages": [{"role", "content"}, ...]} of which only answers are learned."""
    packing: bool = True
    """Whether several chats share a sequence, none of which sees another."""
    start_from: Digest | None = None
    """The result or a checkpoint of an earlier job of this shape: its weights; moments and schedule begin anew."""
    method: Literal["lora", "full"] = "lora"
    lora_rank: Annotated[int, Field(ge=1, le=64)] = 8
    lora_alpha: Annotated[int, Field(ge=1, le=256)] = 16
    lora_layers: Annotated[int, Field(ge=1, le=512)] | None = None
    targets: Annotated[tuple[Target, ...], Field(min_length=1, max_length=7), AfterValidator(sort_targets)] = (
        "q_proj",
        "v_proj",
    )
    sequence_tokens: Annotated[int, Field(ge=8, le=4096)] = 256
    batch: Annotated[int, Field(ge=1, le=64)] = 1
    accumulate: Annotated[int, Field(ge=1, le=256)] = 1
    """Batches whose gradients make one step."""
    steps: Annotated[int, Field(ge=1, le=1_000_000)]
    segment_steps: Annotated[int, Field(ge=1, le=10_000)]
    learning_rate: Annotated[float, Field(gt=0, le=1, allow_inf_nan=False)] = 1e-3
    schedule: Literal["constant", "linear", "cosine"] = "linear"
    warmup_steps: Annotated[int, Field(ge=0, le=100_000)] = 0
    clip_norm: Annotated[float, Field(gt=0, le=1e6, allow_inf_nan=False)] | None = None
    weight_decay: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)] = 0.01
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 0
    threads: Annotated[int, Field(ge=1, le=64)] = 2
    heldout_share: Annotated[float, Field(ge=0.001, le=0.5)] = 0.05
    evaluate_windows: Annotated[int, Field(ge=0, le=256)] = 0
    """Held-out sequences whose loss each segment tells among its metrics."""
    dtype: Literal["float32", "bfloat16"] = "float32"
    """What products are computed in; weights, moments, norms and loss are float32. bfloat16 asks for a GPU."""
    base: Literal["float32", "nf4"] = "float32"
    """What a frozen base is held in: nf4 takes a seventh of the memory (QLoRA)."""
    numerics: Literal["native", "exact"] = "native"

    @model_validator(mode="after")
    def has_equal_segments(self) -> Self:
        """Refuse a job whose segments would differ in cost or be too many."""
        check_cut(self.steps, self.segment_steps, "steps", "segment_steps")
        return self

    @model_validator(mode="after")
    def is_consistent(self) -> Self:
        """Refuse parameters that contradict one another."""
        if self.warmup_steps >= self.steps:
            raise ValueError("warmup_steps must be fewer than steps")
        if self.dtype != "float32" and self.numerics == "exact":
            raise ValueError("numerics exact are of float32 alone: leave dtype out")
        if self.base != "float32" and (self.method != "lora" or self.numerics == "exact"):
            raise ValueError("a base in nf4 takes an adapter, method lora, in native numerics")
        return self

    @property
    def step_sequences(self) -> int:
        """How many sequences a step learns from."""
        return self.batch * self.accumulate

    @property
    def segment_tokens(self) -> int:
        """How many tokens a segment trains on: its cost units."""
        return self.segment_steps * self.step_sequences * self.sequence_tokens


class Finetune:
    """Fine-tuning as a workload."""

    kind: ClassVar[str] = "finetune"
    Params: ClassVar[type[FrozenParams]] = FinetuneParams

    def plan(self, params: FinetuneParams) -> list[int]:
        """Return the tokens trained on in each segment."""
        return [params.segment_tokens] * (params.steps // params.segment_steps)

    def inputs(self, params: FinetuneParams) -> list[str]:
        """Return the digests of data and start, and of the model's files if they come with the job."""
        return params.reading([params.data, *([params.start_from] if params.start_from else [])])

    def requirements(self, params: FinetuneParams) -> dict[str, int]:
        """Return what a model of this size needs, of up to 200 million parameters if the job names none."""
        needs = {"memory_bytes": bytes_to_ask(params), "threads": params.threads}
        return needs | ({"gpu": 1} if params.dtype == "bfloat16" else {})

    def start(self, params: FinetuneParams, inputs: Inputs) -> bytes:
        """Return the checkpoint at step 0: an adapter that changes nothing yet, the model's weights, or earlier ones.

        Raises BadCheckpoint, BadParams, BadStart, InputMissing, ModelMissing.
        """
        from assay.workloads.starting import start_of

        return start_of(params, inputs)

    def run(
        self, params: FinetuneParams, inputs: Inputs, state: bytes, index: int, progress: Callable[[Progress], None]
    ) -> SegmentResult:
        """Return the segment trained from the checkpoint before it.

        Raises BadCheckpoint, BadData, BadParams, Diverged, InputMissing, ModelMissing, ModelCorrupt, TooLarge.
        """
        from assay.workloads.training import train_segment

        return train_segment(params, inputs, state, index, progress)

    def warm(self, params: FinetuneParams, inputs: Inputs) -> None:
        """Load the model and the data, as `run` does. Raises BadData, InputMissing, ModelMissing, ModelCorrupt."""
        from assay.workloads.training import load

        load(params, inputs)

    def digest(self, state: bytes) -> str:
        """Return the Merkle root over the checkpoint's tensors. Raises BadCheckpoint."""
        from assay.workloads.checkpoint import digest_of, read_checkpoint

        return digest_of(read_checkpoint(state))

    def form(self, start: bytes) -> "Shapes":
        """Return the shapes of what is trained. Raises BadCheckpoint."""
        from assay.workloads.checkpoint import adapter_shapes, read_checkpoint

        return adapter_shapes(read_checkpoint(start))

    def check_place(self, params: FinetuneParams, form: "Shapes", state: bytes, closed: int) -> None:
        """Raise BadCheckpoint unless it holds these tensors after the steps of so many segments."""
        from assay.workloads.checkpoint import check_step, read_checkpoint

        check_step(read_checkpoint(state, form), closed * params.segment_steps)

    def distance(self, a: bytes, b: bytes, start: bytes) -> float:
        """Return the largest relative distance of adapter, first and second moments. Raises BadCheckpoint."""
        from assay.workloads.checkpoint import distance_between, read_checkpoint

        return distance_between(read_checkpoint(a), read_checkpoint(b), read_checkpoint(start))

    def result(self, params: FinetuneParams, state: bytes) -> bytes:
        """Return the adapter as safetensors under the names of peft, or every weight under the model's own.

        Raises BadCheckpoint.
        """
        from assay.workloads.adapter import build_result
        from assay.workloads.whole_model import build_weights

        return build_result(params, state) if params.method == "lora" else build_weights(state)

    def matter(self, params: FinetuneParams, inputs: Inputs, index: int) -> "Matter":
        """Return a segment as the court takes it.

        Raises NotJudged for a job whose steps have no program of judged primitives, and what loading a model raises.
        """
        from assay.workloads.court.finetuning import build_matter

        return build_matter(params, inputs, index)

    def trace(self, params: FinetuneParams, inputs: Inputs, state: bytes, segment: int, path: Path) -> str:
        """Return the root of the trace of a segment, which is written to `path`. Raises NotTraced."""
        from assay.workloads.trace.finetune import trace_segment

        return trace_segment(params, inputs, state, segment, path).root

    def spoil_trace(
        self, params: FinetuneParams, inputs: Inputs, segment: int, source: Path, seed: str, path: Path
    ) -> tuple[str, int, int]:
        """Return the root of a trace of which one result is made false, and which: its step and operator."""
        from assay.workloads.trace.claiming import spoil_segment

        return spoil_segment(params, inputs, source, seed, path)

    def check_trace(
        self,
        params: FinetuneParams,
        inputs: Inputs,
        state: bytes,
        segment: int,
        claim: tuple[Path, str, str],
        seed: str,
        at: tuple[OperatorPlace, str] | None = None,
    ) -> Any:
        """Return what is wrong with the trace of a segment, or how far off one operator of it is."""
        from assay.workloads.trace.claiming import check_segment, measure_segment

        if at is not None:
            return measure_segment(params, inputs, state, segment, claim, seed, at)
        return check_segment(params, inputs, state, segment, claim, seed)

    def evaluate(self, params: FinetuneParams, inputs: Inputs, adapter: bytes | None) -> float:
        """Return the mean loss per token (nats) on the held-out text, with or without an adapter."""
        from assay.workloads.training import heldout_loss

        return heldout_loss(params, inputs, adapter)

    def generate(
        self, params: FinetuneParams, inputs: Inputs, adapter: bytes | None, prompt: str, max_new_tokens: int = 64
    ) -> str:
        """Return the model's likeliest answer to this prompt, with or without an adapter."""
        from assay.workloads.generation import generate_text

        return generate_text(params, inputs, adapter, prompt, max_new_tokens)
