"""A picture: what a scene may name, and that a tile is the same bits whoever renders it, in whatever job."""

import io
import tarfile
from pathlib import Path
from typing import Any

import pytest

from assay.proof.digest import blob_digest
from assay.workloads import BadCheckpoint, BadParams, HeldInputs, ModelStore, ignore_progress, read_params, workload
from assay.workloads.render.errors import BadScene
from assay.workloads.render.scene import describe, unpack
from assay.workloads.runner import Runner
from assay.workloads.sandbox import Policy
from assay.workloads.sandbox.confine import strongest
from assay.workloads.task import SegmentDone, Task

BALL = """<scene version="3.0.0">
  <integrator type="ptracer"/>
  <sensor type="perspective"><float name="fov" value="40"/><film type="specfilm"/>
    <transform name="to_world"><lookat origin="0,2,5" target="0,0,0" up="0,1,0"/></transform></sensor>
  <emitter type="constant"/>
  <shape type="sphere"><bsdf type="diffuse"><rgb name="reflectance" value="$red,.3,.2"/></bsdf></shape>
</scene>"""
SMALL = {"width": 16, "height": 8, "tile_width": 8, "tile_height": 8, "samples": 2, "depth": 3, "threads": 1}
FRAMES = [{"red": 0.9}, {"red": 0.1}]


def packed(**files: str | bytes | tarfile.TarInfo) -> bytes:
    """A scene's archive; an entry of tar stands as it is."""
    held = io.BytesIO()
    with tarfile.open(fileobj=held, mode="w") as archive:
        for name, content in files.items():
            if isinstance(content, tarfile.TarInfo):
                archive.addfile(content)
                continue
            data = content.encode() if isinstance(content, str) else content
            entry = tarfile.TarInfo(name.replace("__", "."))
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    return held.getvalue()


def entry_of(name: str, kind: bytes, target: str = "") -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.type, entry.linkname = kind, target
    return entry


SCENE = packed(scene__xml=BALL)


def chain(raw: dict[str, Any], inputs: HeldInputs) -> list[bytes]:
    """The states of a job from its start on."""
    work, params = workload("render"), read_params("render", raw)
    states = [work.start(params, inputs)]
    for index in range(len(work.plan(params))):
        states.append(work.run(params, inputs, states[-1], index, ignore_progress).state)
    return states


@pytest.fixture
def inputs(tmp_path: Path) -> HeldInputs:
    return HeldInputs(ModelStore(tmp_path), {blob_digest(SCENE): SCENE})


def test_a_tile_is_the_same_bits_again_and_in_a_job_that_renders_it_alone(inputs: HeldInputs, tmp_path: Path) -> None:
    pytest.importorskip("mitsuba", reason="the renderer is in the extra `render`", exc_type=ImportError)
    raw = {**SMALL, "scene": blob_digest(SCENE), "frames": FRAMES}
    work, params = workload("render"), read_params("render", raw)
    states = chain(raw, inputs)
    assert chain({**raw, "threads": 2}, inputs)[-1][48:] == states[-1][48:]
    again = work.run(params, inputs, states[2], 2, ignore_progress)
    assert again.state == states[3] and again.state_digest == work.digest(states[3])
    assert work.distance(states[3], states[3], states[2]) == 0.0 < work.distance(states[3], states[2], b"")
    alone = chain({**raw, "first": 2, "count": 1}, inputs)[-1]
    size = 8 * 8 * 6
    assert alone[-size:] == states[3][-size:] != states[1][-size:]
    with pytest.raises(BadCheckpoint):
        work.run(params, inputs, states[1], 2, ignore_progress)

    import mitsuba
    import numpy as np

    with tarfile.open(fileobj=io.BytesIO(work.result(params, states[-1]))) as result:
        assert result.getnames() == [f"frame-000{n}.{kind}" for n in (0, 1) for kind in ("exr", "png")]
        result.extractall(tmp_path, filter="data")
    exr, png = (np.array(mitsuba.Bitmap(str(tmp_path / f"frame-0000.{kind}"))) for kind in ("exr", "png"))
    assert exr.shape == png.shape == (8, 16, 3) and exr.dtype == np.float16
    assert exr[:, :8].tobytes() == states[1][-size:]
    assert exr[4, 4, 0] != exr[0, 0, 0] and png.max() == 255


async def test_a_child_in_a_sandbox_comes_to_the_same_tile(inputs: HeldInputs, tmp_path: Path) -> None:
    pytest.importorskip("mitsuba", reason="the renderer is in the extra `render`", exc_type=ImportError)
    room = Policy(level=strongest(), scratch=tmp_path / "out", models=tmp_path)
    room.scratch.mkdir()
    (room.scratch / "scene").write_bytes(SCENE)
    raw = {**SMALL, "scene": blob_digest(SCENE), "frames": FRAMES}
    files = {"inputs": {blob_digest(SCENE): str(room.scratch / "scene")}, "models": str(tmp_path)}
    runner = Runner(tmp_path / "log", room)
    try:
        task = Task(kind="render", params=raw, **files, folder=str(room.scratch), first=0, last=2, wants_result=False)
        said = [message async for message in runner.run(task)]
    finally:
        await runner.kill()
    states = [message.state_digest for message in said if isinstance(message, SegmentDone)]
    assert states == [workload("render").digest(state) for state in chain(raw, inputs)[1:3]], said[-1]


REFUSED = {
    "include": '<include filename="/etc/passwd"/>',
    "path": '<path value="/etc"/>',
    "alias": '<alias id="a" as="b"/>',
    "default": '<default name="red" value="1"/>',
    "outside": '<shape type="obj"><string name="filename" value="/etc/passwd"/></shape>',
    "dots": '<shape type="obj"><string name="filename" value="../key.obj"/></shape>',
    "not there": '<shape type="obj"><string name="filename" value="a.obj"/></shape>',
    "other name": '<shape type="obj"><string name="file" value="/etc/key"/></shape>',
    "plug-in": '<shape type="mycode"/>',
    "element": '<bsdfs type="diffuse"/>',
    "value": '<float name="f" value="$green"/>',
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_scene_that_does_more_than_describe_is_refused(name: str, tmp_path: Path) -> None:
    text = BALL.replace("<emitter", f"{REFUSED[name]}<emitter", 1)
    with pytest.raises(BadScene):
        describe(text, tmp_path, FRAMES[0])


def test_entities_and_archives_that_lead_astray_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadScene, match="entities"):
        describe(f'<!DOCTYPE scene [<!ENTITY a SYSTEM "file:///etc/passwd">]>{BALL}', tmp_path, FRAMES[0])
    hostile = [
        packed(scene__xml=BALL, a=entry_of("a.obj", tarfile.SYMTYPE, "/etc/passwd")),
        packed(scene__xml=BALL, a=entry_of("../a.obj", tarfile.REGTYPE)),
        packed(scene__xml=BALL, a=entry_of("null", tarfile.CHRTYPE)),
        packed(other__xml=BALL),
        packed(scene__xml=BALL, a=entry_of("a" * 300 + ".obj", tarfile.REGTYPE)),
        SCENE[:700],
        b"no archive",
    ]
    for number, archive in enumerate(hostile):
        with pytest.raises(BadScene):
            unpack(archive, tmp_path / str(number))
    assert not (tmp_path / "a.obj").exists()


def test_what_a_scene_hides_in_comments_or_nests_is_seen_in_a_moment(tmp_path: Path) -> None:
    assert describe(BALL.replace("<emitter", "<!-- <! --><!----><emitter", 1), tmp_path, FRAMES[0]).tag == "scene"
    for hidden in ("<!--" * 2_000_000, "<!-- a --><!ELEMENT b>", "<!-- a"):
        with pytest.raises(BadScene, match="entities"):
            describe(BALL.replace("<emitter", f"{hidden}<emitter", 1), tmp_path, FRAMES[0])
    nested = '<bsdf type="twosided">' * 5_000 + "</bsdf>" * 5_000
    with pytest.raises(BadScene, match="deep"):
        describe(BALL.replace("<emitter", f"{nested}<emitter", 1), tmp_path, FRAMES[0])


def test_a_picture_is_cut_evenly_and_the_rest_is_refused() -> None:
    raw = {**SMALL, "scene": "0" * 64, "frames": FRAMES}
    work = workload("render")
    assert work.plan(read_params("render", raw)) == [1, 1, 1, 1]
    for change in ({"tile_width": 5}, {"first": 4}, {"first": 3, "count": 2}, {"segment_tiles": 3}, {"samples": 0}):
        with pytest.raises(BadParams):
            read_params("render", {**raw, **change})
