"""The parameters of a picture: what fixes every pixel, up to the rounding of a class of machines.

A job renders `count` tiles from `first` on, of all tiles of all frames in their order, so that several jobs can share
one picture. A segment is a fixed number of tiles of one size; a cost unit is a sample of a pixel, a thousand of them.
"""

from typing import Annotated, Final, Self

from pydantic import Field, StringConstraints, model_validator

from assay.proof.picture import Grid
from assay.schema.values import Digest
from assay.workloads.cut import check_cut
from assay.workloads.workload import FrozenParams

JOB_BYTES_MAX: Final = 256 << 20
SAMPLES_A_UNIT: Final = 1_000
Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,31}$")]
Number = Annotated[float, Field(ge=-1e9, le=1e9, allow_inf_nan=False)]


class RenderParams(FrozenParams):
    """What fixes a picture: `scene` is the digest of its archive, each of `frames` what `$name` stands for in it."""

    scene: Digest
    width: Annotated[int, Field(ge=1, le=16_384)] = 640
    height: Annotated[int, Field(ge=1, le=16_384)] = 480
    tile_width: Annotated[int, Field(ge=1, le=4096)] = 64
    tile_height: Annotated[int, Field(ge=1, le=4096)] = 48
    frames: Annotated[tuple[dict[Name, Number], ...], Field(min_length=1, max_length=1000)] = ({},)
    first: Annotated[int, Field(ge=0)] = 0
    count: Annotated[int, Field(ge=0)] = 0
    segment_tiles: Annotated[int, Field(ge=1, le=4096)] = 1
    samples: Annotated[int, Field(ge=1, le=65_536)] = 64
    depth: Annotated[int, Field(ge=1, le=64)] = 8
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 0
    threads: Annotated[int, Field(ge=1, le=64)] = 2

    @model_validator(mode="after")
    def has_equal_segments(self) -> Self:
        """Refuse a picture whose segments would differ in cost, be too many, or hold too much."""
        for whole, part in (("width", "tile_width"), ("height", "tile_height")):
            if getattr(self, whole) % getattr(self, part):
                raise ValueError(f"{whole} must be a multiple of {part}")
        if self.first + self.tiles > self.grid.tiles * len(self.frames) or self.tiles < 1:
            raise ValueError(f"there are {self.grid.tiles * len(self.frames)} tiles: lower first or count")
        check_cut(self.tiles, self.segment_tiles, "the tiles", "segment_tiles")
        if self.tiles * self.grid.tile_bytes > JOB_BYTES_MAX:
            raise ValueError(f"at most {JOB_BYTES_MAX} bytes of tiles in a job: split it by first and count")
        return self

    @property
    def grid(self) -> Grid:
        """How a frame is cut."""
        return Grid(self.width, self.height, self.tile_width, self.tile_height)

    @property
    def tiles(self) -> int:
        """How many tiles the job renders; without `count` all from the first on."""
        return self.count or self.grid.tiles * len(self.frames) - self.first

    @property
    def segment_units(self) -> int:
        """What a segment costs."""
        pixels = self.tile_width * self.tile_height * self.segment_tiles
        return -(-pixels * self.samples // SAMPLES_A_UNIT)
