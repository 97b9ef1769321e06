"""The checkpoint of a picture: its tiles so far, each in half floats, under a running digest.

    link = BLAKE3(LINK, link before, BLAKE3(tile))

The first tiles' place and size stand before them, so that the requester can look at what there is while it grows.
"""

import io
import json
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from blake3 import blake3

from assay.proof.picture import join, write_exr, write_png
from assay.workloads.errors import BadCheckpoint
from assay.workloads.generate.state import DIGEST_BYTES, Reader, size_of
from assay.workloads.render.params import RenderParams

MAGIC, LINK = b"assay.render.001", b"assay.render.link.1"


@dataclass(frozen=True)
class Checkpoint:
    """What the picture is, the size of a tile, and the tiles, end to end."""

    job: bytes
    tile_bytes: int
    tiles: bytes = b""

    @property
    def count(self) -> int:
        """How many tiles there are."""
        return len(self.tiles) // self.tile_bytes

    def __iter__(self) -> Iterator[bytes]:
        for at in range(0, len(self.tiles), self.tile_bytes):
            yield self.tiles[at : at + self.tile_bytes]

    @cached_property
    def link(self) -> bytes:
        """The running digest over all tiles."""
        link = self.job
        for tile in self:
            link = blake3(LINK + link + blake3(tile).digest()).digest()
        return link

    def encode(self) -> bytes:
        """Return the checkpoint as bytes."""
        return b"".join((MAGIC, self.job, size_of(self.tile_bytes), size_of(self.count), self.tiles))


def start_of(params: RenderParams) -> Checkpoint:
    """Return the checkpoint before the first segment, bound to the job's parameters."""
    plain = json.dumps(params.model_dump(mode="json"), sort_keys=True, separators=(",", ":"))
    return Checkpoint(blake3(MAGIC + plain.encode()).digest(), params.grid.tile_bytes)


def read_checkpoint(data: bytes) -> Checkpoint:
    """Return the checkpoint in these bytes. Raises BadCheckpoint."""
    reader = Reader(data)
    if reader.take(len(MAGIC)) != MAGIC:
        raise BadCheckpoint("It does not begin like the checkpoint of a picture.")
    job, tile_bytes, count = reader.take(DIGEST_BYTES), reader.take_size(), reader.take_size()
    if not tile_bytes:
        raise BadCheckpoint("Its tiles have no pixels.")
    tiles = reader.take(count * tile_bytes)
    reader.end()
    return Checkpoint(job, tile_bytes, tiles)


def read_place(params: RenderParams, data: bytes, segment: int) -> Checkpoint:
    """Return the checkpoint that a segment of this job begins with. Raises BadCheckpoint."""
    found, start = read_checkpoint(data), start_of(params)
    done = segment * params.segment_tiles
    if (found.job, found.tile_bytes, found.count) != (start.job, start.tile_bytes, done) or done > params.tiles:
        raise BadCheckpoint(f"It is not the checkpoint that segment {segment} of this picture begins with.")
    return found


def delivered(params: RenderParams, checkpoint: Checkpoint) -> bytes:
    """Return an archive of whole frames as pictures, without times or owners. Raises BadCheckpoint."""
    grid, tiles = params.grid, list(checkpoint)
    if checkpoint.tile_bytes != grid.tile_bytes or len(tiles) != params.tiles:
        raise BadCheckpoint(f"It has {len(tiles)} tiles of {checkpoint.tile_bytes} bytes, which is not all of the job.")
    files: dict[str, bytes] = {}
    if params.first % grid.tiles or params.tiles % grid.tiles:
        files["tiles"] = checkpoint.tiles
    else:
        for number in range(params.tiles // grid.tiles):
            pixels = join(grid, tiles[number * grid.tiles : (number + 1) * grid.tiles])
            name = f"frame-{params.first // grid.tiles + number:04d}"
            files[f"{name}.exr"] = write_exr(grid.width, grid.height, pixels)
            files[f"{name}.png"] = write_png(grid.width, grid.height, pixels)
    held = io.BytesIO()
    with tarfile.open(fileobj=held, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return held.getvalue()
