"""The parameters of a job of batch inference: what fixes every completion up to the rounding of its numbers.

The likeliest `top_k` tokens, and of these those within `top_p` of their probability, may be chosen; which of them is
chosen follows from the seed (`sampler`). A segment is a fixed number of prompts, each worth `max_tokens` cost units.
"""

from typing import Annotated, Literal, Protocol, Self

from pydantic import Field, model_validator

from assay.schema.values import Digest
from assay.workloads.cut import check_cut
from assay.workloads.given import OfModel

JOB_TOKENS_MAX = 1 << 22
TOP_K_MAX = 1024
SketchForm = Annotated[Literal["projection", "toploc"], Field(exclude_if=lambda form: form == "projection")]
"""What of the states is committed to: eight projected numbers, or a proof in the format of TOPLOC.

Not written where it is the usual one, so that the digests of such a job are what they were before there were two.
"""


class Cut(Protocol):
    """What of a job's parameters says how its answers are cut into segments, drawn and judged."""

    @property
    def seed(self) -> int: ...

    @property
    def max_tokens(self) -> int: ...

    @property
    def dtype(self) -> str: ...

    @property
    def sketch(self) -> str: ...

    @property
    def segments(self) -> int: ...

    def requests_of(self, segment: int) -> range:
        """The requests of one segment."""
        ...


class GenerateParams(OfModel):
    """What fixes a job of batch inference; `prompts` is the digest of a JSONL of `requests` lines {"prompt": ...}."""

    prompts: Digest
    requests: Annotated[int, Field(ge=1, le=1_000_000)]
    segment_requests: Annotated[int, Field(ge=1, le=4096)] = 8
    batch: Annotated[int, Field(ge=1, le=64)] = 4
    max_tokens: Annotated[int, Field(ge=1, le=4096)] = 128
    prompt_tokens_max: Annotated[int, Field(ge=1, le=8192)] = 512
    temperature: Annotated[float, Field(ge=0.01, le=4, allow_inf_nan=False)] = 0.7
    top_k: Annotated[int, Field(ge=1, le=TOP_K_MAX)] = 64
    top_p: Annotated[float, Field(gt=0, le=1)] = 1.0
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 0
    threads: Annotated[int, Field(ge=1, le=64)] = 2
    dtype: Literal["float32", "bfloat16"] = "float32"
    sketch: SketchForm = "projection"

    @model_validator(mode="after")
    def has_equal_segments(self) -> Self:
        """Refuse a job whose segments would differ in cost, be too many, or write too much."""
        check_cut(self.requests, self.segment_requests, "requests", "segment_requests")
        if self.requests * self.max_tokens > JOB_TOKENS_MAX:
            raise ValueError(f"at most {JOB_TOKENS_MAX} tokens in a job: lower max_tokens, or split the prompts")
        return self

    @property
    def segments(self) -> int:
        """How many segments the job has."""
        return self.requests // self.segment_requests

    def requests_of(self, segment: int) -> range:
        """The requests of one segment, by their lines in the prompts."""
        first = segment * self.segment_requests
        return range(first, first + self.segment_requests)


class Kept(Protocol):
    """What of a job's parameters says how many tokens are held at a time."""

    @property
    def batch(self) -> int: ...

    @property
    def prompt_tokens_max(self) -> int: ...

    @property
    def max_tokens(self) -> int: ...


def kept_tokens(params: Kept) -> int:
    """Return the most tokens whose keys and values are held at a time."""
    return params.batch * (params.prompt_tokens_max + params.max_tokens)
