"""LoRA fine-tuning of a causal language model on a text: parameters and plan, which need no torch.

Everything that could be the provider's choice is fixed by the parameters: the start (drawn from integers by BLAKE3, for
torch's own initialiser differs between instruction sets), the order of the data, the optimiser and the thread count. A
checkpoint holds the adapter and both AdamW moments, so a segment is a function of parameters, data and checkpoint.
On one machine it is the same to the last bit from process to process; between kinds of machine it differs by rounding,
which `distance` measures; with exact numerics it is the same to the last bit on all of them. The work itself is in
`training`.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from assay.schema.values import Digest
from assay.workloads.cut import check_cut
from assay.workloads.workload import FrozenParams, Inputs, Progress, SegmentResult

Target = Literal["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]


def sort_targets(targets: tuple[Target, ...]) -> tuple[Target, ...]:
    """Return the targets in name order. Raises ValueError for a repeated one."""
    if len(set(targets)) != len(targets):
        raise ValueError("name each target once")
    return tuple(sorted(targets))


class FinetuneParams(FrozenParams):
    """What fixes a fine-tuning job to the last bit on one kind of machine."""

    model: Digest
    data: Digest
    lora_rank: Annotated[int, Field(ge=1, le=64)] = 8
    lora_alpha: Annotated[int, Field(ge=1, le=256)] = 16
    lora_layers: Annotated[int, Field(ge=1, le=512)] | None = None
    targets: Annotated[tuple[Target, ...], Field(min_length=1, max_length=7), AfterValidator(sort_targets)] = (
        "q_proj",
        "v_proj",
    )
    sequence_tokens: Annotated[int, Field(ge=8, le=4096)] = 256
    batch: Annotated[int, Field(ge=1, le=64)] = 1
    steps: Annotated[int, Field(ge=1, le=1_000_000)]
    segment_steps: Annotated[int, Field(ge=1, le=10_000)]
    learning_rate: Annotated[float, Field(gt=0, le=1, allow_inf_nan=False)] = 1e-3
    schedule: Literal["constant", "linear"] = "linear"
    weight_decay: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)] = 0.01
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 0
    threads: Annotated[int, Field(ge=1, le=64)] = 2
    heldout_share: Annotated[float, Field(ge=0.001, le=0.5)] = 0.05
    dtype: Literal["float32"] = "float32"
    numerics: Literal["native", "exact"] = "native"

    @model_validator(mode="after")
    def has_equal_segments(self) -> Self:
        """Refuse a job whose segments would differ in cost or be too many."""
        check_cut(self.steps, self.segment_steps, "steps", "segment_steps")
        return self

    @property
    def segment_tokens(self) -> int:
        """How many tokens a segment trains on: its cost units."""
        return self.segment_steps * self.batch * self.sequence_tokens


class Finetune:
    """LoRA fine-tuning as a workload."""

    kind: ClassVar[str] = "finetune"
    Params: ClassVar[type[FrozenParams]] = FinetuneParams

    def plan(self, params: FinetuneParams) -> list[int]:
        """Return the tokens trained on in each segment."""
        return [params.segment_tokens] * (params.steps // params.segment_steps)

    def inputs(self, params: FinetuneParams) -> list[str]:
        """Return the digest of the text; the model comes from the model store."""
        return [params.data]

    def requirements(self, params: FinetuneParams) -> dict[str, int]:
        """Return a ceiling for models of up to 200 million parameters: weights, then activations by token."""
        activations = params.batch * params.sequence_tokens * (2 << 20)
        return {"memory_bytes": (3 << 30) + activations, "threads": params.threads}

    def start(self, params: FinetuneParams, inputs: Inputs) -> bytes:
        """Return the checkpoint of an adapter that changes nothing yet, at step 0. Raises ModelMissing, BadParams."""
        from assay.workloads.adapter import build_start

        return build_start(params, inputs.models.path(params.model))

    def run(
        self, params: FinetuneParams, inputs: Inputs, state: bytes, index: int, progress: Callable[[Progress], None]
    ) -> SegmentResult:
        """Return the segment trained from the checkpoint before it.

        Raises BadCheckpoint, BadData, BadParams, InputMissing, ModelMissing, ModelCorrupt.
        """
        from assay.workloads.training import train_segment

        return train_segment(params, inputs, state, index, progress)

    def digest(self, state: bytes) -> str:
        """Return the Merkle root over the checkpoint's tensors. Raises BadCheckpoint."""
        from assay.workloads.checkpoint import digest_of, read_checkpoint

        return digest_of(read_checkpoint(state))

    def distance(self, a: bytes, b: bytes, start: bytes) -> float:
        """Return the largest relative distance of adapter, first and second moments. Raises BadCheckpoint."""
        from assay.workloads.checkpoint import distance_between, read_checkpoint

        return distance_between(read_checkpoint(a), read_checkpoint(b), read_checkpoint(start))

    def result(self, params: FinetuneParams, state: bytes) -> bytes:
        """Return the adapter as safetensors under the names of peft. Raises BadCheckpoint."""
        from assay.workloads.adapter import build_result

        return build_result(params, state)

    def trace(self, params: FinetuneParams, inputs: Inputs, state: bytes, segment: int, path: Path) -> str:
        """Return the root of the trace of a segment, which is written to `path`."""
        from assay.workloads.trace.finetune import trace_segment

        return trace_segment(params, inputs, state, segment, path).root

    def spoil_trace(
        self, params: FinetuneParams, inputs: Inputs, segment: int, source: Path, seed: str, path: Path
    ) -> str:
        """Return the root of a trace of which one result is made false."""
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
    ) -> Any:
        """Return what is wrong with the trace of a segment."""
        from assay.workloads.trace.claiming import check_segment

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
