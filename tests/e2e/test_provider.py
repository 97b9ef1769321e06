"""A provider at the command line: its worker starts, is listed, does a job, and leaves by plan."""

import asyncio
import json
from pathlib import Path

import pytest
from tests.e2e.command import assay, running
from tests.network import SEGMENT_PRICE, WITHIN_S, Net
from tests.resting import check_at_rest

from assay.devnet.parties import Party
from assay.schema.values import Role

pytestmark = pytest.mark.server

NAME, REGION = "walker", "pt"


async def test_a_worker_is_started_listed_and_drained(net: Net, tmp_path: Path) -> None:
    party = Party.make(net.devnet.places.parties, NAME, Role.PROVIDER)
    await net.devnet.admit(party)
    start = ("provider", "start", "--data-dir", tmp_path, "--models-dir", tmp_path / "models", "--region", REGION)
    async with running(*start, profile=party.folder) as worker:
        await net.until_listed(NAME)
        job = await net.ended(await net.submit(2, REGION, price_limit=2 * SEGMENT_PRICE))
        status = await assay("provider", "status", "--json", profile=party.folder)
        drain = await assay("provider", "drain", "--data-dir", tmp_path, "--json", profile=party.folder)
        _, logged = await asyncio.wait_for(worker.communicate(), WITHIN_S)
    assert (job.state, [lease.provider for lease in job.leases]) == ("settled", [party.id])
    assert {"provider": party.id, "state": "listed", "region": REGION}.items() <= status.json.items()
    assert (drain.code, drain.json["pid"], worker.returncode) == (0, worker.pid, 0)
    assert json.loads(logged.splitlines()[-1])["say"] == "drained"
    await check_at_rest(net, len(net.chronicle.said))


async def test_where_no_worker_runs_there_is_none_to_drain(net: Net, tmp_path: Path) -> None:
    ran = await assay("provider", "drain", "--data-dir", tmp_path, "--json", profile=net.party("requester").folder)
    assert (ran.code, ran.json["error"]) == (2, "input.bad")
