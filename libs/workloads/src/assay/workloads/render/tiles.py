"""The tiles of one segment, rendered one by one: a scene is described for its frame, and its camera sees one tile."""

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from assay.workloads.errors import BadCheckpoint
from assay.workloads.render.errors import BadScene, NoRenderer
from assay.workloads.render.params import RenderParams
from assay.workloads.render.scene import complete, describe, unpack
from assay.workloads.render.state import Checkpoint, read_place
from assay.workloads.render.workload import seed_of
from assay.workloads.workload import Inputs, Progress, SegmentResult

HALF_MAX = 65_504.0


def run_segment(
    params: RenderParams, inputs: Inputs, state: bytes, index: int, progress: Callable[[Progress], None]
) -> SegmentResult:
    """Return the segment rendered after the checkpoint before it. Raises BadCheckpoint, BadScene, NoRenderer."""
    before, done = read_place(params, state, index), index * params.segment_tiles
    if done >= params.tiles:
        raise BadCheckpoint(f"There is no segment {index} in this picture.")
    renderer = load_renderer(params.threads)
    found = []
    with laid(params.scene) as folder:
        text = unpack(inputs.read(params.scene), folder)
        for number in range(params.segment_tiles):
            found.append(render_tile(renderer, params, text, folder, params.first + done + number))
            progress(Progress(number + 1, params.segment_tiles, {}))
    after = Checkpoint(before.job, before.tile_bytes, before.tiles + b"".join(found))
    return SegmentResult(after.encode(), after.link.hex(), params.segment_units, {})


@contextmanager
def laid(scene: str) -> Iterator[Path]:
    """A folder for a scene's files, which are gone afterwards; of folders a sandbox lets none be removed."""
    folder = Path(tempfile.gettempdir(), f"scene-{scene[:16]}")
    folder.mkdir(exist_ok=True)
    try:
        yield folder
    finally:
        for path in folder.rglob("*"):
            if path.is_file():
                path.unlink()


def load_renderer(threads: int) -> Any:
    """Return the renderer, set to its plain variant. Raises NoRenderer."""
    try:
        import drjit
        import mitsuba
    except ImportError as error:
        raise NoRenderer(f"Mitsuba is not installed here: {error}.") from None
    mitsuba.set_variant("scalar_rgb")
    mitsuba.set_log_level(mitsuba.LogLevel.Error)
    # A pool of one would wait for itself when a texture is read.
    drjit.set_thread_count(max(2, min(threads, os.cpu_count() or 1)))
    return mitsuba


def render_tile(renderer: Any, params: RenderParams, text: str, folder: Path, tile: int) -> bytes:
    """Return a tile's pixels as half floats. Raises BadScene."""
    grid = params.grid
    x, y = grid.corner(tile)
    root = describe(text, folder, params.frames[tile // grid.tiles])
    crop = {"crop_offset_x": x, "crop_offset_y": y, "crop_width": grid.tile_width, "crop_height": grid.tile_height}
    whole = complete(root, {"width": grid.width, "height": grid.height, **crop}, params.depth)
    try:
        scene = renderer.load_string(whole)
        pixels = np.array(renderer.render(scene, seed=seed_of(params, tile), spp=params.samples), dtype=np.float32)
    except RuntimeError as error:
        raise BadScene(f"The renderer does not take it: {str(error)[-200:]}") from None
    pixels = np.nan_to_num(pixels, nan=0.0, posinf=HALF_MAX, neginf=0.0)
    return np.clip(pixels, 0.0, HALF_MAX).astype("<f2").tobytes()
