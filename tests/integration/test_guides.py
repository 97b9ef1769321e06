"""The programs that the guides show do what the guides say, as they stand there."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.architecture.guides import blocks
from tests.network import REGION, ROOT, STEADY, Models, Net
from tests.servers import rpc

from assay.bus.keyfile import make_key
from assay.chain import Deployment, wallet
from assay.chain.client import connect
from assay.chain.deploy import deploy
from assay.client.profile import Profile
from assay.devnet.bank import GAS_COIN
from assay.proof.report import verify
from assay.schema.values import STAKE_PER_SLOT, Role, participant_id

GUIDES = ROOT / "docs" / "guides"


async def run(program: str, *words: object, profile: Path | None = None) -> list[str]:
    """The lines that a program of a guide prints."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ASSAY_")}
    environment = kept | ({"ASSAY_PROFILE": str(profile)} if profile else {})
    argv = [sys.executable, "-c", program, *map(str, words)]
    done = await asyncio.to_thread(
        subprocess.run, argv, capture_output=True, text=True, env=environment, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout.splitlines()


def program(guide: str, calls: str) -> str:
    """The one program of a guide that holds these words."""
    (found,) = [block for block in blocks(GUIDES / f"{guide}.md", "python") if calls in block]
    return found


@pytest.mark.server
async def test_a_job_is_submitted_watched_and_fetched_from_python(net: Net, tmp_path: Path) -> None:
    assert REGION[STEADY] == "de", "the guide asks for a machine in this region"
    result = tmp_path / "result"
    lines = await run(program("submit", "assay.submit"), result, profile=net.party("requester").folder)
    assert lines[0].startswith("job.submitted ") and lines[-1].startswith("settled ")
    paid, refunded = map(int, lines[-1].split()[1:])
    assert paid > 0 and paid + refunded == 80_000
    assert len(result.read_bytes()) == 32
    assert verify(result.with_suffix(".receipt.json").read_text(), net.devnet.bank.operator.address).passed


async def test_a_key_is_made_once_and_names_its_provider(tmp_path: Path) -> None:
    first = await run(program("provide", "make_key"), tmp_path)
    assert first == await run(program("provide", "make_key"), tmp_path)
    assert first == [participant_id(Role.PROVIDER, make_key(tmp_path / "key").address)]


async def test_a_model_is_put_into_the_store(models: Models, tiny_model: str, tmp_path: Path) -> None:
    source = models.folder / tiny_model
    assert await run(program("provide", "ModelStore"), tmp_path / "models", source) == [tiny_model]
    assert (tmp_path / "models" / tiny_model / "model.safetensors").is_file()


@pytest.mark.server
async def test_a_provider_stakes_for_its_slots(chain_url: str, tmp_path: Path) -> None:
    deployer, key = make_key(tmp_path / "deployer.key"), make_key(tmp_path / "key")
    for address in (deployer.address, key.address):
        await rpc(chain_url, "anvil_setBalance", address, hex(GAS_COIN))
    deployment = await deploy(chain_url, deployer, deployer.address, deployer.address)
    deployment.save(tmp_path / "deployment.json")
    chain = await connect(chain_url, Deployment.load(tmp_path / "deployment.json"))
    await wallet.mint_native(chain, deployer, key.address, 3 * STAKE_PER_SLOT)
    await chain.close()
    Profile(
        nats_url="nats://127.0.0.1:4222",
        creds_file=Path("nats.creds"),
        deployment_file=Path("deployment.json"),
        key_file=Path("key"),
        evm_url=chain_url,
    ).save(tmp_path)
    assert await run(program("provide", "wallet.stake"), tmp_path, 3) == [str(3 * STAKE_PER_SLOT)]


@pytest.mark.server
async def test_events_that_are_laid_out_again_change_nothing(net: Net) -> None:
    job_id = await net.submit(2, REGION[STEADY])
    await net.ended(job_id)
    before = [said.id for said in net.chronicle.of(job_id)]
    dsn = net.devnet.places.service("matching") / "postgres.dsn"
    (count,) = await run(program("operate", "republish"), dsn, "matching", 1)
    assert int(count) > 0
    other = await net.submit(2, REGION[STEADY])
    await net.ended(other)
    assert [said.id for said in net.chronicle.of(job_id)] == before
