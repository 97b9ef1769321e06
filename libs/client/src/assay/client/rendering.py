"""A picture by several providers: its tiles as plain jobs, looked at while they grow, put together at the end."""

import asyncio
import io
import tarfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from assay.client.sdk import Assay
from assay.client.view import ENDS, JobView
from assay.proof.picture import Grid, join, read_tiles, write_exr, write_png, write_preview
from assay.schema.errors import AssayError, Refused, Reject
from assay.schema.event import Envelope, Event
from assay.schema.lease import LeaseCommitted

PREVIEW_S: Final = 1.0
PROVEN: Final = "settled"


class Incomplete(Reject):
    """Jobs of a picture ended without tiles, or with such as were proven false."""

    code = "picture.incomplete"
    advice = "The frames that are whole are written. Order it again, perhaps at a higher price or in other regions."


@dataclass
class Part:
    """One job's tiles, from `first` on."""

    job_id: str
    first: int
    count: int
    tiles: list[bytes] = field(default_factory=list)


@dataclass
class Picture:
    """What is rendered, by which jobs, and where its preview goes."""

    grid: Grid
    frames: int
    parts: list[Part]
    preview: Path | None = None
    shown_s: float = 0.0

    @property
    def tiles(self) -> dict[int, bytes]:
        """The tiles that there are, by their numbers."""
        return {part.first + number: tile for part in self.parts for number, tile in enumerate(part.tiles)}


def split(tiles: int, jobs: int) -> list[tuple[int, int]]:
    """First tile and count of each job, as even as can be; no job without a tile."""
    each, more = divmod(tiles, min(jobs, tiles))
    counts = [each + (number < more) for number in range(min(jobs, tiles))]
    return [(sum(counts[:number]), count) for number, count in enumerate(counts)]


async def order(assay: Assay, scene: Path, params: Mapping[str, Any], jobs: int, **how: Any) -> Picture:
    """The picture, ordered as so many jobs, which share its price limit by their tiles. Raises Refused."""
    data = await asyncio.to_thread(scene.read_bytes)
    whole = {**params, "scene": await assay.upload(data)}
    grid = Grid(*(params[name] for name in ("width", "height", "tile_width", "tile_height")))
    frames, limit, preview = len(params["frames"]), how.pop("price_limit"), how.pop("preview", None)
    total = grid.tiles * frames
    picture = Picture(grid, frames, [], preview)
    for first, count in split(total, jobs):
        own = {**whole, "first": first, "count": count}
        try:
            job_id = await assay.submit("render", own, price_limit=-(-limit * count // total), **how)
        except AssayError:
            # Of half a picture nobody has anything.
            await asyncio.gather(*(assay.cancel(part.job_id) for part in picture.parts), return_exceptions=True)
            raise
        picture.parts.append(Part(job_id, first, count))
    return picture


async def follow(assay: Assay, picture: Picture, tell: Callable[[Envelope[Event]], None]) -> list[JobView]:
    """The jobs once all have ended; meanwhile the preview is written again as tiles are committed."""
    parts = {part.job_id: part for part in picture.parts}
    open_jobs = set(parts)
    async for said in assay.events():
        part = parts.get(getattr(said.event, "job_id", ""))
        if part is None:
            continue
        tell(said)
        if isinstance(said.event, LeaseCommitted):
            await look(assay, picture, part, said.event)
        if said.event.type in ENDS:
            open_jobs.discard(part.job_id)
            if not open_jobs:
                break
    return [await assay.job(job_id) for job_id in parts]


async def look(assay: Assay, picture: Picture, part: Part, committed: LeaseCommitted) -> None:
    """Write the preview of the frame that has grown, with stripes over it; as often as anybody can look."""
    if picture.preview is None or time.monotonic() - picture.shown_s < PREVIEW_S:
        return
    try:
        found = read_tiles(await assay.door.blobs.get(committed.checkpoint))
    except Refused:
        return  # of a part that is settled only the last is kept
    if len(found) > part.count or any(len(tile) != picture.grid.tile_bytes for tile in found):
        return  # nobody has looked at it yet but its provider
    part.tiles = found
    grid, tiles = picture.grid, picture.tiles
    frame = max(tiles, default=0) // grid.tiles if tiles else 0
    pixels = join(grid, [tiles.get(frame * grid.tiles + number) for number in range(grid.tiles)])
    content = await asyncio.to_thread(write_preview, grid.width, grid.height, pixels)
    await asyncio.to_thread(picture.preview.write_bytes, content)
    picture.shown_s = time.monotonic()


async def assemble(assay: Assay, picture: Picture, folder: Path) -> list[Path]:
    """The files of all frames, from the results that are proven. Raises Incomplete, once what there is is written."""
    folder.mkdir(parents=True, exist_ok=True)
    files: dict[str, bytes] = {}
    lost: list[str] = []
    for part in picture.parts:
        view = await assay.job(part.job_id)
        if view.result is None or view.state != PROVEN:
            part.tiles = []
            last = part.first + part.count - 1
            lost.append(f"tiles {part.first} to {last}: {part.job_id} is {view.state} ({view.reason or 'no reason'})")
            continue
        found = files_of(await assay.door.blobs.get(view.result))
        size, strip = picture.grid.tile_bytes, found.pop("tiles", b"")
        part.tiles = [strip[at : at + size] for at in range(0, len(strip), size)]
        files |= found
    files |= await asyncio.to_thread(frames_of, picture)
    for name, content in files.items():
        await asyncio.to_thread((folder / name).write_bytes, content)
    if lost:
        raise Incomplete("; ".join(lost)[:400])
    return [folder / name for name in sorted(files)]


def files_of(archive: bytes) -> dict[str, bytes]:
    """The files of a job's result, by plain names. Raises Refused, blob.unreadable."""
    try:
        with tarfile.open(fileobj=io.BytesIO(archive), mode="r:") as packed:
            files = [(member, packed.extractfile(member)) for member in packed if member.isreg()]
            return {Path(member.name).name: file.read() for member, file in files if file}
    except (tarfile.TarError, ValueError, EOFError) as error:
        raise Refused("blob.unreadable", f"A job's result is no archive of tiles: {error}.") from None


def frames_of(picture: Picture) -> dict[str, bytes]:
    """The frames whose tiles came apart, as files."""
    grid, tiles = picture.grid, picture.tiles
    files: dict[str, bytes] = {}
    for frame in range(picture.frames):
        own = [tiles.get(frame * grid.tiles + number) for number in range(grid.tiles)]
        if None not in own:
            pixels = join(grid, own)
            files[f"frame-{frame:04d}.exr"] = write_exr(grid.width, grid.height, pixels)
            files[f"frame-{frame:04d}.png"] = write_png(grid.width, grid.height, pixels)
    return files
