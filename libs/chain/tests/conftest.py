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
from typing import Protocol

import pytest

from assay.chain import wallet
from assay.chain.client import ChainClient, connect
from assay.chain.deploy import deploy
from assay.chain.encode import encode_anchor, encode_open, encode_pay_audits, encode_settle, encode_slash
from assay.chain.memory import MemoryChain
from assay.chain.orders import order_digest
from assay.chain.port import (
    Anchor,
    AuditPayment,
    Chain,
    Fees,
    Order,
    Payout,
    Receipt,
    Settlement,
    SignedOrder,
    SignedTransaction,
    Slash,
)
from assay.chain.rpc import Rpc
from assay.chain.transaction import sign_transaction
from assay.proof.keys import Key

ANVIL = Path(__file__).parents[3] / "node_modules/@foundry-rs/anvil-linux-amd64/bin/anvil"
READY_WITHIN_S = 30
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

    def all(self) -> list[Key]:
        return [self.admin, self.settler, self.slasher, self.requester, self.provider, self.stranger]


@dataclass
class Rig:
    chain: Chain
    keys: Keys
    handles: Handles

    async def order(self, job: str, price_limit: int, valid_s: int = 3600) -> Order:
        now = (await self.chain.block()).timestamp
        job_id = job.encode().ljust(32, b"\0")
        return Order(job_id, self.keys.requester.address, price_limit, now + valid_s, b"\7" * 32)

    def signed(self, order: Order, key: Key | None = None, chain_id: int = 0, escrow: str = "") -> SignedOrder:
        at = self.chain.deployment
        digest = order_digest(order, chain_id or at.chain_id, escrow or at.escrow)
        return SignedOrder(order, bytes.fromhex((key or self.keys.requester).sign(digest)[2:]))

    def payouts(self, *amounts: int) -> tuple[Payout, ...]:
        return tuple(Payout(self.keys.provider.address, fence, amount) for fence, amount in enumerate(amounts, start=1))

    async def fund(self, amount: int = 1000) -> Receipt:
        await wallet.mint_stable(self.chain, self.keys.admin, self.keys.requester.address, amount)
        return await wallet.deposit(self.chain, self.keys.requester, amount)

    async def bond(self, amount: int = 1000) -> Receipt:
        await wallet.mint_native(self.chain, self.keys.admin, self.keys.provider.address, amount)
        return await wallet.stake(self.chain, self.keys.provider, amount)

    async def open(self, *orders: SignedOrder) -> Receipt:
        return await wallet.send(self.chain, self.keys.stranger, self.chain.deployment.escrow, encode_open(orders))

    async def settle(self, *settlements: Settlement, key: Key | None = None) -> Receipt:
        call = encode_settle(settlements)
        return await wallet.send(self.chain, key or self.keys.settler, self.chain.deployment.escrow, call)

    async def slash(self, *slashes: Slash, key: Key | None = None) -> Receipt:
        call = encode_slash(slashes)
        return await wallet.send(self.chain, key or self.keys.slasher, self.chain.deployment.stake, call)

    async def anchor(self, *anchors: Anchor, key: Key | None = None) -> Receipt:
        call = encode_anchor(anchors)
        return await wallet.send(self.chain, key or self.keys.settler, self.chain.deployment.anchors, call)

    async def give(self, amount: int) -> Receipt:
        await wallet.mint_stable(self.chain, self.keys.admin, self.keys.stranger.address, amount)
        return await wallet.fund_audits(self.chain, self.keys.stranger, amount)

    async def pay(self, *payments: AuditPayment, key: Key | None = None) -> Receipt:
        call = encode_pay_audits(payments)
        return await wallet.send(self.chain, key or self.keys.settler, self.chain.deployment.escrow, call)

    def coin_transfer(self, nonce: int, fees: Fees) -> SignedTransaction:
        at, to = self.chain.deployment, self.keys.provider.address
        return sign_transaction(self.keys.stranger, nonce, to, b"", 21_000, fees, at.chain_id, value=1)


@pytest.fixture(scope="session")
def anvil(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a real EVM node that ends with the tests."""
    if not ANVIL.exists():
        (pytest.fail if os.environ.get("CI") else pytest.skip)("npm ci installs the EVM node")
    command = [ANVIL, "--port", "0", "--chain-id", "31337", "--accounts", "1"]
    log = tmp_path_factory.mktemp("evm") / "node.log"
    with log.open("w") as output:
        node = subprocess.Popen(command, stdout=output, stderr=output, preexec_fn=_end_with_parent)
    try:
        yield _url(node, log)
    finally:
        node.terminate()
        node.wait(timeout=10)


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
    chain = MemoryChain(keys.admin.address, keys.settler.address, keys.slasher.address)
    return Rig(chain, keys, MemoryHandles(chain))


async def _node_rig(url: str) -> AsyncIterator[Rig]:
    keys, rpc = Keys(), Rpc(url)
    for key in keys.all():
        await rpc.ask("anvil_setBalance", key.address, COIN_WEI)
    chain: ChainClient = await connect(url, await deploy(url, keys.admin, keys.settler.address, keys.slasher.address))
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
