"""A provider's or verifier's way in at the command line: a key, stake behind it, and the way out again."""

from pathlib import Path

import pytest
from tests.e2e.command import Ran, assay
from tests.servers import rpc

from assay.bus.keyfile import load_key, make_key
from assay.chain import Deployment, wallet
from assay.chain.client import connect
from assay.client.profile import Profile
from assay.devnet.bank import GAS_COIN
from assay.schema.values import Role, participant_id

pytestmark = pytest.mark.server

TOKEN = 10**18
FORTNIGHT_S = 14 * 86_400


async def test_a_key_is_made_once_and_names_its_participant(tmp_path: Path) -> None:
    made = await assay("key", "new", "--to", tmp_path / "key", "--json")
    key = load_key(tmp_path / "key")
    assert (made.code, made.json["address"]) == (0, key.address)
    assert made.json["ids"]["provider"] == participant_id(Role.PROVIDER, key.address)
    again = await assay("key", "new", "--to", tmp_path / "key", "--json")
    assert (again.code, again.json["error"]) == (2, "settings.bad")
    assert load_key(tmp_path / "key").hex == key.hex


async def test_stake_goes_in_unbonds_and_comes_out(chain_url: str, tmp_path: Path) -> None:
    await endow(chain_url, tmp_path, 3 * TOKEN)

    async def stake(*words: object) -> Ran:
        return await assay("stake", *words, "--json", profile=tmp_path)

    assert (await stake("add", "2.5")).json["tx"].startswith("0x")
    assert (await stake("remove", 1)).code == 0
    early = await stake("withdraw")
    assert (early.code, early.json["error"]) == (1, "chain.reverted") and early.json["detail"]
    await rpc(chain_url, "evm_increaseTime", FORTNIGHT_S + 1)
    await rpc(chain_url, "evm_mine")
    assert (await stake("withdraw")).code == 0
    shown = (await stake("show")).json
    held = {"stake": 3 * TOKEN // 2, "unbonding": 0, "native": 3 * TOKEN // 2}
    assert {name: shown[name] for name in held} == held and shown["slots"] == 0


async def endow(chain_url: str, folder: Path, amount: int) -> None:
    """Make a profile in a folder whose key holds native tokens on a chain of its own."""
    deployer, key = make_key(folder / "deployer.key"), make_key(folder / "key")
    for address in (deployer.address, key.address):
        await rpc(chain_url, "anvil_setBalance", address, hex(GAS_COIN))
    powers = ("--settler", deployer.address, "--slasher", deployer.address)
    where = ("--evm-url", chain_url, "--key-file", folder / "deployer.key", "--to", folder / "deployment.json")
    assert (await assay("chain", "deploy", *where, *powers, "--json")).code == 0
    chain = await connect(chain_url, Deployment.load(folder / "deployment.json"))
    await wallet.mint_native(chain, deployer, key.address, amount)
    await chain.close()
    Profile(
        nats_url="nats://127.0.0.1:4222",
        creds_file=Path("nats.creds"),
        deployment_file=Path("deployment.json"),
        key_file=Path("key"),
        evm_url=chain_url,
    ).save(folder)
