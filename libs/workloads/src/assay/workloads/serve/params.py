"""The parameters of a job that serves: the model, whose requests count, and how many are answered at a time.

A segment is a fixed number of requests, each worth `max_tokens` cost units however short its answer: which requests
come is not known beforehand, and segments must be of equal cost to be drawn for audits. Paid are the tokens that the
requester vouches for, `step_tokens` at a time.
"""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from assay.schema.served import ANSWER_TOKENS_MAX, STEP_TOKENS
from assay.schema.values import Address, Digest
from assay.workloads.generate.params import TOP_K_MAX, SketchForm
from assay.workloads.given import OfModel

JOB_TOKENS_MAX = 1 << 20


class ServeParams(OfModel):
    """What fixes a job that serves. `caller` is the address that signs requests, `name` is drawn for this job alone."""

    caller: Address
    name: Digest
    segments: Annotated[int, Field(ge=1, le=10_000)]
    segment_requests: Annotated[int, Field(ge=1, le=4096)] = 8
    batch: Annotated[int, Field(ge=1, le=64)] = 4
    waiting: Annotated[int, Field(ge=0, le=256)] = 32
    max_tokens: Annotated[int, Field(ge=1, le=ANSWER_TOKENS_MAX)] = 256
    prompt_tokens_max: Annotated[int, Field(ge=1, le=8192)] = 512
    top_k: Annotated[int, Field(ge=1, le=TOP_K_MAX)] = 64
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 0
    threads: Annotated[int, Field(ge=1, le=64)] = 2
    step_tokens: Annotated[int, Field(ge=2, le=1 << 16)] = STEP_TOKENS
    dtype: Literal["float32", "bfloat16"] = "float32"
    sketch: SketchForm = "projection"

    @model_validator(mode="after")
    def is_bounded(self) -> Self:
        """Refuse a job that could write too much, or come to a stand between two vouchers."""
        if self.requests * self.max_tokens > JOB_TOKENS_MAX:
            raise ValueError(f"at most {JOB_TOKENS_MAX} tokens in a job: lower max_tokens, or the number of requests")
        if self.batch > self.segment_requests:
            raise ValueError("at most segment_requests answers at a time: lower batch, or raise segment_requests")
        if 2 * self.batch > self.step_tokens:
            raise ValueError("a step of a voucher is at least two tokens of each answer: raise step_tokens")
        return self

    @property
    def requests(self) -> int:
        """How many requests the job answers."""
        return self.segments * self.segment_requests

    def requests_of(self, segment: int) -> range:
        """The requests of one segment, by their numbers."""
        first = segment * self.segment_requests
        return range(first, first + self.segment_requests)
