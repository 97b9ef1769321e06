"""What fixes a member's round and an outer step; no torch and no numpy are loaded for it.

The state that a round starts from is never sent: it follows from the model (or a keyframe) and from the results that
counted in each round since, which are small. Whoever holds these has the same state to the last bit.
"""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from assay.schema.values import Digest
from assay.workloads.cut import check_cut
from assay.workloads.finetune import Target
from assay.workloads.workload import FrozenParams

Rule = Literal["mean", "trimmed", "median", "krum"]
Code = Literal["float32", "int8", "int4", "int2", "topk"]
Results = Annotated[tuple[Digest, ...], Field(max_length=32)]
INPUTS_MAX = 60
DELTA_TOKENS = 64
"""What adding one result costs beside training on a token: some passes over all weights, each slower than a product."""


class CourseParams(FrozenParams):
    """The outer state: where it began, which results counted in each round since, and how they are put together."""

    model: Digest
    model_parameters: Annotated[int, Field(ge=1, le=10**12)] | None = None
    """How many numbers the model has, by which machines are asked for; without it, at most 200 million
    of which an adapter is trained, or 25 million of which all are."""
    keyframe: Digest | None = None
    history: Annotated[tuple[Results, ...], Field(max_length=INPUTS_MAX)] = ()
    rule: Rule = "mean"
    hostile: Annotated[int, Field(ge=0, le=15, description="results that may be false")] = 0
    clip: Annotated[float, Field(ge=1, le=100)] | None = None
    outer_rate: Annotated[float, Field(gt=0, le=2, allow_inf_nan=False)] = 0.7
    momentum: Annotated[float, Field(ge=0, lt=1)] = 0.9
    lora_rank: Annotated[int, Field(ge=1, le=64)] | None = None
    lora_alpha: Annotated[int, Field(ge=1, le=256)] = 16
    targets: Annotated[tuple[Target, ...], Field(min_length=1, max_length=7)] = ("q_proj", "v_proj")
    start_seed: Annotated[int, Field(ge=0, lt=2**63)] = 0

    @property
    def past(self) -> list[str]:
        """The digests that the outer state follows from, the model's aside."""
        frame = [self.keyframe] if self.keyframe else []
        return [*frame, *(digest for results in self.history for digest in results)]

    @model_validator(mode="after")
    def has_a_short_past(self) -> Self:
        """Refuse a past of more inputs than a job may have."""
        if len(self.past) > INPUTS_MAX:
            raise ValueError(f"at most {INPUTS_MAX} results since the keyframe: make a keyframe first")
        return self


class MemberParams(CourseParams):
    """One member's inner steps of one round, on a shard of its own."""

    data: Digest
    round: Annotated[int, Field(ge=0, le=1_000_000)] = 0
    inner_steps: Annotated[int, Field(ge=1, le=1_000_000)]
    segment_steps: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    sequence_tokens: Annotated[int, Field(ge=8, le=4096)] = 256
    batch: Annotated[int, Field(ge=1, le=64)] = 1
    learning_rate: Annotated[float, Field(gt=0, le=1, allow_inf_nan=False)] = 1e-3
    warmup_steps: Annotated[int, Field(ge=0, le=10_000)] = 0
    weight_decay: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)] = 0.01
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 0
    threads: Annotated[int, Field(ge=1, le=64)] = 2
    compress: Code = "int4"
    keep: Annotated[int, Field(ge=1, le=512, description="of each 512 values, for topk")] = 16
    feedback: bool = False
    carried: Digest | None = None
    dtype: Literal["float32"] = "float32"
    numerics: Literal["native", "exact"] = "native"

    @model_validator(mode="after")
    def has_equal_segments(self) -> Self:
        """Refuse a round whose segments would differ in cost or be too many, or a carried error that is not used."""
        check_cut(self.inner_steps, self.steps_each, "inner_steps", "segment_steps")
        if self.carried and not self.feedback:
            raise ValueError("carried is for feedback")
        return self

    @property
    def steps_each(self) -> int:
        """The steps of a segment: all of them, unless the round is cut, so that nothing but the result is stored."""
        return self.segment_steps or self.inner_steps

    @property
    def segment_count(self) -> int:
        """How many segments the round has."""
        return self.inner_steps // self.steps_each


class OuterParams(CourseParams):
    """An outer step: the judgement of a round's results, or the state that the past comes to."""

    results: Results = ()
    makes: Literal["outcome", "keyframe", "model"] = "outcome"

    @model_validator(mode="after")
    def has_what_it_needs(self) -> Self:
        """Refuse an outcome of nothing, and a keyframe or model that would leave results aside."""
        if bool(self.results) != (self.makes == "outcome"):
            raise ValueError("results are for an outcome, and an outcome is of results")
        if len(self.past) + len(self.results) > INPUTS_MAX:
            raise ValueError(f"at most {INPUTS_MAX} results since the keyframe: make a keyframe first")
        return self

    @property
    def units(self) -> int:
        """What it costs, in tokens trained on."""
        return DELTA_TOKENS * (1 + len(self.past) + len(self.results))
