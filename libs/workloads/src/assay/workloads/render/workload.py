"""Pictures as a workload: its plan, which needs no renderer; tiles are rendered in `tiles`.

It is verified by rendering a drawn segment's tiles again: bit for bit, for a tile's samples follow from its seed, on a
machine of the same determinism class (the processor's instructions decide how light is rounded, and a path that hits
another edge is another path). An order may ask for replication, by which several answer and two thirds decide.
"""

import json
from collections.abc import Callable
from typing import ClassVar

from blake3 import blake3

from assay.workloads.render.params import RenderParams
from assay.workloads.render.state import delivered, read_checkpoint, read_place, start_of
from assay.workloads.workload import FrozenParams, Inputs, Progress, SegmentResult, distance_of_exact


class Render:
    """A scene in, pictures out."""

    kind: ClassVar[str] = "render"
    Params: ClassVar[type[FrozenParams]] = RenderParams

    def plan(self, params: RenderParams) -> list[int]:
        """Return for each segment the samples of its pixels, in thousands."""
        return [params.segment_units] * (params.tiles // params.segment_tiles)

    def inputs(self, params: RenderParams) -> list[str]:
        """Return the digest of the scene's archive."""
        return [params.scene]

    def requirements(self, params: RenderParams) -> dict[str, int]:
        """Return a ceiling for scenes of up to SCENE_BYTES_MAX: files, their geometry, and the tiles."""
        return {"memory_bytes": (2 << 30) + 4 * params.tiles * params.grid.tile_bytes, "threads": params.threads}

    def start(self, params: RenderParams, inputs: Inputs) -> bytes:
        """Return the checkpoint that holds no tiles yet, bound to the job's parameters."""
        return start_of(params).encode()

    def run(
        self, params: RenderParams, inputs: Inputs, state: bytes, index: int, progress: Callable[[Progress], None]
    ) -> SegmentResult:
        """Return the tiles of a segment after those before it. Raises BadCheckpoint, BadScene, NoRenderer."""
        from assay.workloads.render.tiles import run_segment

        return run_segment(params, inputs, state, index, progress)

    def digest(self, state: bytes) -> str:
        """Return the running digest over all tiles of the checkpoint. Raises BadCheckpoint."""
        return read_checkpoint(state).link.hex()

    def form(self, start: bytes) -> None:
        """Return nothing: the parameters fix the form."""

    def check_place(self, params: RenderParams, form: None, state: bytes, closed: int) -> None:
        """Raise BadCheckpoint unless it holds the tiles of so many segments of this very job."""
        read_place(params, state, closed)

    def distance(self, a: bytes, b: bytes, start: bytes) -> float:
        """Return 0 for equal tiles, else infinity: noise of another seed looks alike, and is not the same."""
        return distance_of_exact(self.digest(a), self.digest(b))

    def result(self, params: RenderParams, state: bytes) -> bytes:
        """Return a tar of each whole frame as EXR and PNG; of a part of one, its tiles. Raises BadCheckpoint."""
        return delivered(params, read_checkpoint(state))


def seed_of(params: RenderParams, tile: int) -> int:
    """Return the seed of a tile, which is its own in every job that renders it."""
    plain = json.dumps([params.scene, params.seed, tile]).encode()
    return int.from_bytes(blake3(b"assay.render.seed" + plain).digest()[:4], "little") >> 1
