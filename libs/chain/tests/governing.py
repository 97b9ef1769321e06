"""A node with both groups of contracts on it, whoever acts there, and what a test does to its time and its prices."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from typing import Any

from assay.chain import wallet
from assay.chain.client import ChainClient, connect
from assay.chain.deploy import deploy
from assay.chain.governed.acts import Act, attempt, do
from assay.chain.governed.deploy import govern
from assay.chain.governed.logs import said_by
from assay.chain.governed.places import Governed
from assay.chain.governed.terms import NATIVE_UNIT, GovernedTerms, Officers, OracleTerms
from assay.chain.rpc import Rpc
from assay.chain.values import Deployment
from assay.chain.waiting import until_mined
from assay.chain.words import normal
from assay.proof.keys import Key

COIN_WEI = hex(10**22)
DAY_S = 86_400
FEEDS = tuple(normal(f"0x{0xFEED0 + number:040x}") for number in range(3))
# A feed of 8 decimals whose answer and its time stand in slots 0 and 1.
FEED_CODE = (
    "0x60003560e01c63313ce567146030576001600052600054602052600154604052600154606052600160805260a06000f3"
    "5b600860005260206000f3"
)


@dataclass
class Cast:
    """Who acts."""

    admin: Key = field(default_factory=Key.generate)
    settler: Key = field(default_factory=Key.generate)
    slasher: Key = field(default_factory=Key.generate)
    arbiter: Key = field(default_factory=Key.generate)
    guardian: Key = field(default_factory=Key.generate)
    provider: Key = field(default_factory=Key.generate)
    delegator: Key = field(default_factory=Key.generate)
    stranger: Key = field(default_factory=Key.generate)

    def all(self) -> list[Key]:
        """Everybody."""
        return [getattr(self, name) for name in self.__dataclass_fields__]

    @property
    def terms(self) -> GovernedTerms:
        """What the contracts begin with."""
        addresses = (self.slasher, self.arbiter, self.settler, self.guardian)
        officers = Officers(*(normal(key.address) for key in addresses))
        return GovernedTerms(officers=officers, oracle=OracleTerms(feeds=FEEDS, stale_s=DAY_S))


@dataclass
class Stage:
    """The node, and what can be done to it."""

    node: ChainClient
    cast: Cast

    @property
    def at(self) -> Governed:
        """Where the governed contracts stand."""
        assert self.node.deployment.governed
        return self.node.deployment.governed

    async def do(self, key: Key, *acts: Act) -> list[Any]:
        """What the governed contracts say of the last of these acts."""
        return await said_by(self.node, await do(self.node, key, *acts))

    async def as_(self, sender: str, act: Act) -> bytes:
        """What an act of any account would answer."""
        return await attempt(self.node, sender, act)

    async def embody(self, sender: str) -> None:
        """Let an account of which there is no key send, a contract too."""
        await self.ask("anvil_impersonateAccount", sender)
        await self.ask("anvil_setBalance", sender, COIN_WEI)

    async def force(self, sender: str, act: Act) -> bool:
        """Whether an act of an account that was embodied was done."""
        call = {"from": sender, "to": act.to, "data": "0x" + act.data.hex(), "gas": hex(2_000_000)}
        tx_hash = await self.ask("eth_sendTransaction", call)
        receipt = await until_mined(
            lambda: self.ask("eth_getTransactionReceipt", tx_hash), bytes.fromhex(tx_hash[2:]), 30
        )
        return int(receipt["status"], 16) == 1

    async def fund(self, *keys: Key, amount: int = 10_000 * NATIVE_UNIT) -> None:
        """Give native tokens."""
        for key in keys:
            await wallet.mint_native(self.node, self.cast.admin, key.address, amount)

    async def pass_time(self, seconds: int) -> None:
        """Put the chain's clock forward."""
        await self.ask("evm_increaseTime", seconds)
        await self.ask("evm_mine")

    async def say_price(self, cents: int, *feeds: str, age_s: int = 0) -> None:
        """Have feeds answer with a price, given so long ago."""
        at = (await self.node.block()).timestamp - age_s
        for feed in feeds or FEEDS:
            for slot, value in ((0, cents * 10**6), (1, at)):
                await self.ask("anvil_setStorageAt", feed, f"0x{slot:064x}", f"0x{value:064x}")

    async def ask(self, method: str, *params: object) -> Any:
        """What the node answers."""
        return await self.node.rpc.ask(method, *params)


async def first_group(url: str, cast: Cast) -> Deployment:
    """The deployment that the governed contracts are put behind."""
    rpc = Rpc(url)
    for key in cast.all():
        await rpc.ask("anvil_setBalance", key.address, COIN_WEI)
    for feed in FEEDS:
        await rpc.ask("anvil_setCode", feed, FEED_CODE)
    await rpc.close()
    return await deploy(url, cast.admin, cast.settler.address)


async def staged(url: str) -> AsyncIterator[Stage]:
    """Both groups, deployed afresh."""
    cast = Cast()
    deployment = await govern(url, cast.admin, await first_group(url, cast), cast.terms)
    node = await connect(url, deployment)
    try:
        yield Stage(node, cast)
    finally:
        await node.close()


def without(deployment: Deployment) -> Deployment:
    """The deployment as it was before its governed contracts."""
    return replace(deployment, governed=None)
