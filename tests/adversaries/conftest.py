"""A farm of hostile providers beside the honest network, and what came of a job at each of them."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, Final

import pytest
from tests.adversaries.hostile import BEHAVIOURS
from tests.network import PRICE, ROOT, SEGMENT_PRICE, STEADY, UNITS, Net
from tests.scenarios.tuning import SIZES, TEXT

from assay.client.sdk import JobView
from assay.devnet.environment import provider_environment
from assay.devnet.parties import Party, Terms
from assay.schema.values import Policy, Requirements, Role

SEGMENTS: Final = 4
TUNING_SEGMENTS: Final = 3
PREFIX: Final = "ASSAY_EXECUTION_"
WITHIN_S: Final = 120.0
TUNED: Final = ("half-way", "bfloat16", "poison", "rounding", "chosen-data", "half-batch")
"""Those whose job is a fine-tuning; the others' work is a chain of digests."""


@dataclass(frozen=True)
class Holdings:
    """What a party has: stable tokens anywhere, native tokens at stake."""

    stable: int
    stake: int


@dataclass(frozen=True)
class Tried:
    """A job that a hostile provider had, once its money is at rest."""

    job: JobView
    before: Holdings
    after: Holdings


@pytest.fixture(scope="session")
async def farm(net: Net, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[None]:
    """The hostile providers at work, each in a region of its own."""
    devnet = net.devnet
    parties = [
        Party.make(devnet.places.parties, name, Role.PROVIDER, Terms(region_of(name), PRICE, beat_s=0.5))
        for name in BEHAVIOURS
    ]
    await asyncio.gather(*map(devnet.admit, parties))
    providers = {party.name: {"behaviour": party.name, "settings": settings_of(net, party)} for party in parties}
    folder = tmp_path_factory.mktemp("farm")
    (folder / "farm.json").write_text(json.dumps(providers))
    since = len(net.chronicle.said)
    with (folder / "farm.log").open("wb") as log:
        words = (sys.executable, "-m", "tests.adversaries.farm", str(folder / "farm.json"))
        process = await asyncio.create_subprocess_exec(*words, cwd=ROOT, stdout=log, stderr=log)
    try:
        for name in BEHAVIOURS:
            await net.until_listed(name, since)
        yield
    finally:
        process.terminate()
        await asyncio.wait_for(process.wait(), 30)
        for name in BEHAVIOURS:
            del devnet.parties[name]


@pytest.fixture(scope="session")
async def tried(net: Net, farm: None, tiny_model: str) -> dict[str, Tried]:
    """A job at every hostile provider, all at once; every segment of it is drawn."""
    before = {name: await holdings(net, name) for name in BEHAVIOURS}
    data = await net.assay.upload(TEXT)
    jobs = {name: await order(net, name, tiny_model, data) for name in BEHAVIOURS}
    ended = await asyncio.gather(*(net.ended(job_id, WITHIN_S) for job_id in jobs.values()))
    slashed = [job_id for job_id, job in zip(jobs.values(), ended, strict=True) if job.state == "refunded"]
    await asyncio.gather(*(net.until_said(job_id, "lease.slashed") for job_id in slashed))
    return {
        name: Tried(await net.assay.job(job.job_id), before[name], await holdings(net, name))
        for name, job in zip(jobs, ended, strict=True)
    }


async def order(net: Net, name: str, model: str, data: str) -> str:
    """The id of the job that only this provider may run."""
    params, limit = {"segments": SEGMENTS, "units_per_segment": UNITS}, SEGMENTS * SEGMENT_PRICE
    if name in TUNED:
        steps = TUNING_SEGMENTS * SIZES["segment_steps"]
        params = {"model": model, "data": data, "steps": steps, "learning_rate": 0.01, "heldout_share": 0.1, **SIZES}
        limit = steps * SIZES["batch"] * SIZES["sequence_tokens"] * PRICE // 1_000_000
    needs, policy = Requirements(regions=(region_of(name),)), Policy(audit_segments=SEGMENTS)
    kind = "finetune" if name in TUNED else "noop"
    return await net.assay.submit(kind, params, requirements=needs, policy=policy, price_limit=limit)


async def holdings(net: Net, name: str) -> Holdings:
    """What a party has now."""
    chain, address = net.devnet.chain, net.party(name).key.address
    return Holdings(await net.balances(name), await chain.stake_of(address) + await chain.unbonding_of(address))


def region_of(name: str) -> str:
    """A region that nobody else is in."""
    return "z" + chr(ord("a") + list(BEHAVIOURS).index(name))


def settings_of(net: Net, party: Party) -> dict[str, Any]:
    """The settings of a provider's worker, as an honest one gets them from its environment."""
    devnet = net.devnet
    environment = provider_environment(party, devnet.places, devnet.servers, devnet.bank, devnet.knobs)
    return {name.removeprefix(PREFIX).lower(): value for name, value in environment.items()}


@pytest.fixture
def honest(net: Net) -> list[str]:
    """The parties that have done nothing wrong."""
    return [STEADY, *(name for name, party in net.devnet.parties.items() if party.role is Role.VERIFIER)]
