"""A command in a box and a picture by two jobs, from their orders to money at rest."""

import io
import tarfile
from pathlib import Path

import pytest
from libs.workloads.tests.render.test_render import BALL, packed
from tests.network import PRICE, REGION, SECOND, STEADY, Net

from assay.client import rendering
from assay.schema.lease import LeaseCommitted
from assay.schema.values import Policy, Requirements
from assay.workloads.registry import offerable

pytestmark = pytest.mark.server

STARTED_S = 240.0


async def test_a_command_is_run_in_a_box_replicated_and_settled(net: Net) -> None:
    if "command" not in offerable():
        pytest.skip("this machine lets nobody have a box: no landlock, or no user namespaces")
    params = {"command": ["sh", "-c", "echo part $ASSAY_SEGMENT"], "segments": 3, "time_s": 30}
    limit = 8 * 3 * 30_000 * PRICE // 1_000_000
    how = {"price_limit": limit, "policy": Policy(audit_segments=3, method="replication")}
    job_id = await net.order("command", params, (REGION[STEADY],), **how)
    job = await net.ended(job_id, within_s=STARTED_S)
    assert (job.state, job.committed) == ("settled", 3)
    assert job.result is not None
    with tarfile.open(fileobj=io.BytesIO(await net.assay.door.blobs.get(job.result))) as result:
        assert [result.extractfile(f"{n}/stdout").read() for n in range(3)] == [
            b"part 0\n",
            b"part 1\n",
            b"part 2\n",
        ]


ASKS = """
import socket
with socket.create_connection(("127.0.0.1", 3128)) as way:
    way.sendall(b"CONNECT unlisted.example:443 HTTP/1.1\\r\\n\\r\\n")
    print(way.recv(400).split(b"\\r\\n\\r\\n")[1].split(b":")[0].decode())
"""


async def test_a_command_that_names_hosts_goes_only_where_it_may_reach_them(net: Net) -> None:
    """What its gate refuses is the same on every machine, so this needs no internet."""
    if "command" not in offerable():
        pytest.skip("this machine lets nobody have a box: no landlock, or no user namespaces")
    params = {"command": ["python3", "-c", ASKS], "egress": ["listed.example"], "segments": 2, "time_s": 30}
    limit = 8 * 2 * 30_000 * PRICE // 1_000_000
    how = {"price_limit": limit, "policy": Policy(audit_segments=3, method="replication")}
    shut = await net.order("command", params, (REGION[STEADY],), **how)
    (waiting, *_) = await net.until_said(shut, "job.waiting")
    assert "egress.closed" in waiting.event.reasons  # type: ignore[attr-defined]
    await net.assay.cancel(shut)
    job = await net.ended(await net.order("command", params, (REGION[SECOND],), **how), within_s=STARTED_S)
    assert (job.state, job.committed) == ("settled", 2) and job.result is not None
    with tarfile.open(fileobj=io.BytesIO(await net.assay.door.blobs.get(job.result))) as result:
        assert result.extractfile("1/stdout").read() == b"egress.unlisted\n"
    said = [each.event for each in net.chronicle.of(job.job_id)]
    assert ["egress_bytes" in each.metrics for each in said if isinstance(each, LeaseCommitted)] == [True, True]


async def test_two_jobs_make_one_picture_that_is_seen_while_it_grows(net: Net, tmp_path: Path) -> None:
    pytest.importorskip("mitsuba", reason="the renderer is in the extra `render`", exc_type=ImportError)
    scene = tmp_path / "scene.tar"
    scene.write_bytes(packed(scene__xml=BALL))
    size = {"width": 24, "height": 8, "tile_width": 8, "tile_height": 8}
    asked = {**size, "samples": 2, "depth": 3, "threads": 1, "frames": [{"red": 0.5}]}
    needs = Requirements(regions=(REGION[STEADY],))
    how = {"price_limit": PRICE, "requirements": needs, "preview": tmp_path / "preview.png"}
    picture = await rendering.order(net.assay, scene, asked, 2, **how)
    views = await rendering.follow(net.assay, picture, lambda said: None)
    assert [view.state for view in views] == ["settled", "settled"]
    files = await rendering.assemble(net.assay, picture, tmp_path / "frames")
    assert [path.name for path in files] == ["frame-0000.exr", "frame-0000.png"]
    png, preview = files[1].read_bytes(), (tmp_path / "preview.png").read_bytes()
    assert len(png) == len(preview) and png != preview
