"""The devnet's chain: deploys the contracts, gives parties coin and tokens, and counts who holds what."""

import asyncio
from collections.abc import Callable
from pathlib import Path

from assay.bus.keyfile import make_key
from assay.chain import Chain, Deployment, wallet
from assay.chain.client import ChainClient, connect
from assay.chain.deploy import deploy
from assay.chain.rpc import Rpc
from assay.devnet.errors import NotReady
from assay.devnet.parties import STABLE, WEI, Party
from assay.proof.keys import Key
from assay.schema.errors import AssayError
from assay.schema.values import STAKE_PER_SLOT, Role

GAS_COIN = 1_000 * WEI
DEPOSIT = 1_000 * STABLE
FUND = 10_000 * STABLE
"""What the operator gives for audits, which small epochs' fees would not pay."""


class Bank:
    """The one who deploys and mints on a devnet; on a real network nobody has this power over a real token."""

    def __init__(self, folder: Path, rpc_url: Callable[[], str]) -> None:
        self.folder, self.rpc_url = folder, rpc_url
        self.deployment_file = folder / "deployment.json"
        self.operator_key_file = folder / "operator.key"
        self._deployer = make_key(folder / "deployer.key")
        self._mint = asyncio.Lock()  # a key sends one transaction at a time

    @property
    def operator(self) -> Key:
        """The key by which settlement sends transactions and signs receipts."""
        return make_key(self.operator_key_file)

    async def open(self) -> ChainClient:
        """The chain with the contracts on it, deployed at first. Raises NotReady if the chain has forgotten them."""
        if not self.deployment_file.exists():
            for key in (self._deployer, self.operator):
                await self.give_coin(key.address)
            operator = self.operator.address
            deployment = await deploy(self.rpc_url(), self._deployer, operator, operator)
            await self._seed_fund(deployment)
            deployment.save(self.deployment_file)
        try:
            chain = await connect(self.rpc_url(), Deployment.load(self.deployment_file))
            await chain.pool_balance()
        except (AssayError, ValueError) as error:
            raise NotReady(f"the chain has not these contracts ({error}): start afresh with --wipe.") from error
        return chain

    async def _seed_fund(self, deployment: Deployment) -> None:
        """Give the audit fund what it begins with."""
        chain = await connect(self.rpc_url(), deployment)
        try:
            await wallet.mint_stable(chain, self._deployer, self._deployer.address, FUND)
            await wallet.fund_audits(chain, self._deployer, FUND)
        finally:
            await chain.close()

    async def give_coin(self, address: str) -> None:
        """Set an address's coin, which pays for gas: a power that only a development node grants."""
        rpc = Rpc(self.rpc_url())
        try:
            await rpc.ask("anvil_setBalance", address, hex(GAS_COIN))
        finally:
            await rpc.close()

    async def endow(self, chain: Chain, party: Party) -> None:
        """Give a party what its role needs: a deposit in escrow, or a stake for its slots, the bond included. Once."""
        done = party.folder / "endowed"
        if done.exists():
            return
        await self.give_coin(party.key.address)
        if party.role is Role.REQUESTER:
            async with self._mint:
                await wallet.mint_stable(chain, self._deployer, party.key.address, 2 * DEPOSIT)
            await wallet.deposit(chain, party.key, DEPOSIT)
        else:
            amount = STAKE_PER_SLOT * party.terms.slots * 2
            async with self._mint:
                await wallet.mint_native(chain, self._deployer, party.key.address, amount)
            await wallet.stake(chain, party.key, amount)
        done.touch()


async def balances(chain: Chain, parties: list[Party]) -> dict[str, dict[str, int]]:
    """What every party, the audit fund and the contracts hold, in base units."""
    place = chain.deployment
    rows: dict[str, dict[str, int]] = {}
    for party in parties:
        address = party.key.address
        rows[party.name] = {
            "stable": await chain.token_balance(place.stable, address),
            "escrow": await chain.balance(address),
            "native": await chain.token_balance(place.native, address),
            "stake": await chain.stake_of(address) + await chain.unbonding_of(address),
        }
    escrow, stake = (
        await chain.token_balance(place.stable, place.escrow),
        await chain.token_balance(place.native, place.stake),
    )
    rows["audit fund"] = {"escrow": await chain.audit_fund()}
    rows["escrow contract"] = {"stable": escrow - sum(row.get("escrow", 0) for row in rows.values())}
    rows["stake contract"] = {"native": stake - sum(row.get("stake", 0) for row in rows.values())}
    rows["insurance pool"] = {"native": await chain.pool_balance()}
    return rows


def totals(rows: dict[str, dict[str, int]]) -> dict[str, int]:
    """All stable and all native tokens in `balances`: no job may change either."""
    stable = sum(row.get("stable", 0) + row.get("escrow", 0) for row in rows.values())
    native = sum(row.get("native", 0) + row.get("stake", 0) for row in rows.values())
    return {"stable": stable, "native": native}
