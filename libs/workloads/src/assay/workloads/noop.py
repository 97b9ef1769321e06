"""Work that costs nothing: 32 bytes chained by BLAKE3 once per segment, which measures the pipeline around it."""

import math
import time
from collections.abc import Callable
from typing import Annotated, ClassVar

from blake3 import blake3
from pydantic import Field

from assay.workloads.errors import BadCheckpoint, BadParams
from assay.workloads.workload import FrozenParams, Inputs, Progress, SegmentResult

STATE_BYTES = 32


class NoopParams(FrozenParams):
    """How many links the chain has, what each is said to cost, how long it waits, and what the chain starts from."""

    segments: Annotated[int, Field(ge=1, le=10_000)]
    units_per_segment: Annotated[int, Field(ge=1, le=10**12)] = 1
    pause_ms: Annotated[int, Field(ge=0, le=1_000)] = 0
    payload: Annotated[str, Field(max_length=1024)] = ""


class Noop:
    """The chain as a workload."""

    kind: ClassVar[str] = "noop"
    Params: ClassVar[type[FrozenParams]] = NoopParams

    def plan(self, params: NoopParams) -> list[int]:
        """Return the same cost for every link."""
        return [params.units_per_segment] * params.segments

    def inputs(self, params: NoopParams) -> list[str]:
        """Return no digests: the payload travels in the parameters."""
        return []

    def requirements(self, params: NoopParams) -> dict[str, int]:
        """Return next to nothing."""
        return {"memory_bytes": 1 << 20, "threads": 1}

    def start(self, params: NoopParams, inputs: Inputs) -> bytes:
        """Return the chain's first link, drawn from the payload."""
        return blake3(b"assay.noop" + params.payload.encode()).digest()

    def run(
        self, params: NoopParams, inputs: Inputs, state: bytes, index: int, progress: Callable[[Progress], None]
    ) -> SegmentResult:
        """Return the link after `state`. Raises BadCheckpoint, BadParams."""
        if not 0 <= index < params.segments:
            raise BadParams(f"Segment {index} is not in a job of {params.segments} segments.")
        time.sleep(params.pause_ms / 1_000)
        link = blake3(check_state(state) + index.to_bytes(8, "big")).digest()
        progress(Progress(1, 1, {}))
        return SegmentResult(link, self.digest(link), params.units_per_segment, {})

    def digest(self, state: bytes) -> str:
        """Return the BLAKE3 digest of the link. Raises BadCheckpoint."""
        return blake3(check_state(state)).hexdigest()

    def distance(self, a: bytes, b: bytes, start: bytes) -> float:
        """Return 0 for equal links, else infinity: a digest is never nearly right."""
        return 0.0 if check_state(a) == check_state(b) else math.inf

    def result(self, params: NoopParams, state: bytes) -> bytes:
        """Return the last link."""
        return check_state(state)


def check_state(state: bytes) -> bytes:
    """Return the link as it is. Raises BadCheckpoint unless it has 32 bytes."""
    if len(state) != STATE_BYTES:
        raise BadCheckpoint(f"A noop checkpoint has {STATE_BYTES} bytes, not {len(state)}.")
    return state
