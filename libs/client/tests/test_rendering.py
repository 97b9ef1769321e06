"""A picture whose jobs do not all come to an end as they should."""

import io
import tarfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from assay.client import rendering
from assay.client.rendering import Incomplete, Part, Picture
from assay.client.view import JobView
from assay.proof.picture import Grid
from assay.schema.errors import Refused

GRID = Grid(4, 2, 2, 2)
ASKED = {"width": 4, "height": 2, "tile_width": 2, "tile_height": 2, "frames": [{}, {}]}


class Network:
    """Jobs that end as they are told to; after some it refuses more."""

    def __init__(self, states: dict[str, str], takes: int = 100) -> None:
        self.states, self.takes, self.cancelled = states, takes, list[str]()
        self.door = SimpleNamespace(blobs=self)

    async def upload(self, data: bytes) -> str:
        return "ab" * 32

    async def submit(self, kind: str, params: Any, **how: Any) -> str:
        if self.takes == 0:
            raise Refused("rate.exceeded")
        self.takes -= 1
        return f"j{self.takes}"

    async def cancel(self, job_id: str) -> None:
        self.cancelled.append(job_id)

    async def job(self, job_id: str) -> JobView:
        told: Any = {"requester": "r", "kind": "render", "price_limit": 1, "segments": 1, "submitted_ms": 0}
        state = self.states[job_id]
        return JobView(job_id=job_id, state=state, result=job_id, reason="it is false", deadline_ms=0, **told)

    async def get(self, digest: str) -> bytes:
        packed, tiles = io.BytesIO(), tarfile.TarInfo("tiles")
        tiles.size = 2 * GRID.tile_bytes
        with tarfile.open(fileobj=packed, mode="w") as archive:
            archive.addfile(tiles, io.BytesIO(bytes(tiles.size)))
        return packed.getvalue()


def picture() -> Picture:
    """Two frames of two tiles, each frame by a job."""
    return Picture(GRID, 2, [Part("ja", 0, 2), Part("jb", 2, 2)])


async def test_tiles_that_were_proven_false_are_joined_to_nothing_and_named(tmp_path: Path) -> None:
    network: Any = Network({"ja": "settled", "jb": "refunded"})
    with pytest.raises(Incomplete, match=r"tiles 2 to 3: jb is refunded \(it is false\)"):
        await rendering.assemble(network, picture(), tmp_path / "frames")
    assert sorted(file.name for file in (tmp_path / "frames").iterdir()) == ["frame-0000.exr", "frame-0000.png"]
    network.states["jb"] = "settled"
    assert len(await rendering.assemble(network, picture(), tmp_path / "frames")) == 4


async def test_what_was_ordered_of_a_picture_is_taken_back_if_the_rest_is_refused(tmp_path: Path) -> None:
    (scene := tmp_path / "scene").write_bytes(b"<scene/>")
    network: Any = Network({}, takes=2)
    with pytest.raises(Refused, match="rate"):
        await rendering.order(network, scene, ASKED, 4, price_limit=40)
    assert network.cancelled == ["j1", "j0"]
