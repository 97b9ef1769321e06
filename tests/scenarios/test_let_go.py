"""A job that is settled leaves its result and its last checkpoint behind; the others are let go by their provider."""

import asyncio
from pathlib import Path

import pytest
from tests.network import REGION, STEADY, Net

from assay.schema.errors import Refused
from assay.schema.lease import LeaseCommitted

pytestmark = pytest.mark.server

SEGMENTS = 6
# The worker asks ten seconds after its epoch is settled, and again if that was too early.
WITHIN_S = 180.0


@pytest.mark.slow
async def test_a_settled_job_keeps_its_last_checkpoint_and_what_its_receipt_needs(net: Net, tmp_path: Path) -> None:
    # The same links in a job that is open, or was doubted, would stay.
    job_id = await net.submit(SEGMENTS, REGION[STEADY], params={"payload": "let go"})
    job = await net.ended(job_id)
    assert job.state == "settled"
    commits = [said.event for said in net.chronicle.of(job_id) if isinstance(said.event, LeaseCommitted)]
    digests = [commit.checkpoint for commit in sorted(commits, key=lambda commit: commit.segment)]
    assert len(set(digests)) == SEGMENTS

    async with asyncio.timeout(WITHIN_S):
        while any([await is_here(net, digest) for digest in digests[:-1]]):
            await asyncio.sleep(1)
    assert await is_here(net, digests[-1])
    assert (await net.assay.fetch(job_id, tmp_path / "result")).read_bytes()
    assert (await net.assay.receipt(job_id, tmp_path / "receipt")).read_bytes()


async def is_here(net: Net, digest: str) -> bool:
    """Whether the requester can read it still."""
    try:
        await net.assay.door.blobs.get(digest)
    except Refused as refused:
        assert refused.code == "blob.missing"
        return False
    return True
