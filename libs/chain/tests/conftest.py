"""One chain to test on, in memory or on a real EVM node, with the same keys and the same handles on time and blocks."""

import ctypes
import os
import re
import signal
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import pytest

from assay.chain import wallet
from assay.chain.client import ChainClient, connect
from assay.chain.encode import encode_anchor
from assay.chain.governed.accusations import Accusation, encode_propose
from assay.chain.governed.deploy import establish
from assay.chain.governed.terms import NOBODY, GovernedTerms, Officers
from assay.chain.memory import MemoryChain
from assay.chain.port import Anchor, Chain, Fees, Receipt, SignedTransaction
from assay.chain.rpc import Rpc
from assay.chain.transaction import sign_transaction
from assay.chain.words import normal
from assay.proof.keys import Key

ANVIL = Path(__file__).parents[3] / "node_modules/@foundry-rs/anvil-linux-amd64/bin/anvil"
READY_WITHIN_S = 120
STATES_KEPT = 128
COIN_WEI = hex(10**21)


class Handles(Protocol):
    """What a test does to the chain itself."""

    async def advance(self, seconds: int) -> None: ...
    async def mine(self) -> None: ...
    async def set_mining(self, is_on: bool) -> None: ...
    async def drop(self, tx_hash: bytes) -> None: ...
    async def reorganise(self, depth: int) -> None: ...


@dataclass
class MemoryHandles:
    chain: MemoryChain

    async def advance(self, seconds: int) -> None:
        self.chain.advance(seconds)
        self.chain.mine()

    async def mine(self) -> None:
        self.chain.mine()

    async def set_mining(self, is_on: bool) -> None:
        self.chain.is_mining = is_on

    async def drop(self, tx_hash: bytes) -> None:
        self.chain.drop(tx_hash)

    async def reorganise(self, depth: int) -> None:
        self.chain.reorganise(depth)


@dataclass
class NodeHandles:
    rpc: Rpc

    async def advance(self, seconds: int) -> None:
        await self.rpc.ask("evm_increaseTime", seconds)
        await self.mine()

    async def mine(self) -> None:
        await self.rpc.ask("evm_mine")

    async def set_mining(self, is_on: bool) -> None:
        await self.rpc.ask("evm_setAutomine", is_on)

    async def drop(self, tx_hash: bytes) -> None:
        await self.rpc.ask("anvil_dropTransaction", "0x" + tx_hash.hex())

    async def reorganise(self, depth: int) -> None:
        await self.rpc.ask("anvil_reorg", depth, [])


@dataclass
class Keys:
    admin: Key = field(default_factory=Key.generate)
    settler: Key = field(default_factory=Key.generate)
    slasher: Key = field(default_factory=Key.generate)
    requester: Key = field(default_factory=Key.generate)
    provider: Key = field(default_factory=Key.generate)
    stranger: Key = field(default_factory=Key.generate)
    arbiter: Key = field(default_factory=Key.generate)

    def all(self) -> list[Key]:
        return [getattr(self, name) for name in self.__dataclass_fields__]

    @property
    def terms(self) -> GovernedTerms:
        """What the governed contracts begin with."""
        return GovernedTerms(Officers(normal(self.slasher.address), normal(self.arbiter.address)))


@dataclass
class Rig:
    chain: Chain
    keys: Keys
    handles: Handles

    async def fund(self, amount: int = 1000) -> Receipt:
        await wallet.mint_stable(self.chain, self.keys.admin, self.keys.requester.address, amount)
        return await wallet.deposit(self.chain, self.keys.requester, amount)

    async def bond(self, amount: int = 1000) -> Receipt:
        await wallet.mint_native(self.chain, self.keys.admin, self.keys.provider.address, amount)
        return await wallet.stake(self.chain, self.keys.provider, amount)

    async def accuse(self, *, key: Key | None = None, **what: Any) -> bytes:
        """The accusation of the provider."""
        now_s, accused = (await self.chain.block()).timestamp, self.keys.provider.address
        usual = {"accuser": NOBODY, "victim": NOBODY, "loss": 0, "happened_at": now_s}
        said = Accusation(accused, **(usual | what))
        await self.tell(key or self.keys.slasher, encode_propose(said))
        return said.id

    async def tell(self, key: Key, call: bytes) -> Receipt:
        """What Slashing is told."""
        return await wallet.send(self.chain, key, self.chain.deployment.group.slashing, call)

    async def anchor(self, *anchors: Anchor, key: Key | None = None) -> Receipt:
        call = encode_anchor(anchors)
        return await wallet.send(self.chain, key or self.keys.settler, self.chain.deployment.anchors, call)

    def coin_transfer(self, nonce: int, fees: Fees) -> SignedTransaction:
        at, to = self.chain.deployment, self.keys.provider.address
        return sign_transaction(self.keys.stranger, nonce, to, b"", 21_000, fees, at.chain_id, value=1)


@pytest.fixture(scope="session")
def anvil(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a real EVM node that ends with the tests."""
    if not ANVIL.exists():
        (pytest.fail if os.environ.get("CI") else pytest.skip)("npm ci installs the EVM node")
    # It would keep the state of every block, most of them in files of megabytes each under the home folder.
    kept = ["--prune-history", str(STATES_KEPT)]
    command = [ANVIL, "--port", "0", "--chain-id", "31337", "--accounts", "1", *kept]
    home = tmp_path_factory.mktemp("evm")
    log = home / "node.log"
    with log.open("w") as output:
        own = os.environ | {"HOME": str(home)}
        node = subprocess.Popen(command, stdout=output, stderr=output, env=own, preexec_fn=_end_with_parent)
    try:
        yield _url(node, log)
    finally:
        node.terminate()
        node.wait(timeout=READY_WITHIN_S)


@pytest.fixture(params=["memory", pytest.param("node", marks=pytest.mark.server)])
async def rig(request: pytest.FixtureRequest) -> AsyncIterator[Rig]:
    """The chain that a test speaks of: once in memory, once on a node."""
    if request.param == "memory":
        yield memory_rig()
        return
    async for made in _node_rig(request.getfixturevalue("anvil")):
        yield made


@pytest.fixture
async def node_rig(anvil: str) -> AsyncIterator[Rig]:
    """A fresh deployment on the node."""
    async for made in _node_rig(anvil):
        yield made


def memory_rig() -> Rig:
    keys = Keys()
    chain = MemoryChain(keys.admin.address, keys.settler.address, keys.slasher.address, governed=keys.terms)
    return Rig(chain, keys, MemoryHandles(chain))


async def _node_rig(url: str) -> AsyncIterator[Rig]:
    keys, rpc = Keys(), Rpc(url)
    for key in keys.all():
        await rpc.ask("anvil_setBalance", key.address, COIN_WEI)
    chain: ChainClient = await connect(url, await establish(url, keys.admin, keys.settler.address, keys.terms))
    try:
        yield Rig(chain, keys, NodeHandles(rpc))
    finally:
        await rpc.ask("evm_setAutomine", True)
        await chain.close()
        await rpc.close()


def _url(node: subprocess.Popen[bytes], log: Path) -> str:
    """The address that the node says it listens on."""
    until = time.monotonic() + READY_WITHIN_S
    while (found := re.search(r"Listening on (\S+)", log.read_text())) is None:
        assert node.poll() is None and time.monotonic() < until, log.read_text()
        time.sleep(0.01)
    return f"http://{found[1]}"


def _end_with_parent() -> None:
    """Has the kernel end the node when the tests die, however they die."""
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)
