"""A party with a profile on a chain of its own, whose clock a test may put forward."""

from pathlib import Path

from tests.e2e.command import assay
from tests.servers import rpc

from assay.bus.keyfile import make_key
from assay.chain import Deployment
from assay.chain.client import ChainClient, connect
from assay.client.profile import Profile
from assay.devnet.bank import GAS_COIN
from assay.proof.keys import Key


async def endow(chain_url: str, folder: Path) -> Key:
    """The key of a profile that is made in the folder, on a chain whose contracts obey the folder's `deployer.key`."""
    deployer, key = make_key(folder / "deployer.key"), make_key(folder / "key")
    for address in (deployer.address, key.address):
        await rpc(chain_url, "anvil_setBalance", address, hex(GAS_COIN))
    powers = ("--settler", deployer.address, "--proposer", deployer.address)
    where = ("--evm-url", chain_url, "--key-file", folder / "deployer.key", "--to", folder / "deployment.json")
    assert (await assay("chain", "deploy", *where, *powers, "--json")).code == 0
    Profile(
        nats_url="nats://127.0.0.1:4222",
        creds_file=Path("nats.creds"),
        deployment_file=Path("deployment.json"),
        key_file=Path("key"),
        evm_url=chain_url,
    ).save(folder)
    return key


async def reached(chain_url: str, folder: Path) -> ChainClient:
    """The chain with the contracts of the folder's profile; whoever asks closes it."""
    return await connect(chain_url, Deployment.load(folder / "deployment.json"))


async def pass_time(chain_url: str, seconds: int) -> None:
    """Put the chain's clock forward."""
    await rpc(chain_url, "evm_increaseTime", seconds)
    await rpc(chain_url, "evm_mine")
