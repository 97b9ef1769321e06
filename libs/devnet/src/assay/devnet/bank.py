"""The devnet's chain: deploys the contracts, and gives operator and parties what they begin with."""

import asyncio
from collections.abc import Callable
from pathlib import Path

from assay.bus.keyfile import make_key
from assay.chain import Chain, Deployment, wallet
from assay.chain.client import ChainClient, connect
from assay.chain.governed.deploy import establish
from assay.chain.governed.terms import GovernedTerms, Officers, SlashTerms, SlashWindows, StakeTerms
from assay.chain.payment.values import Terms, Windows
from assay.chain.relayed import sign_deposit
from assay.chain.rpc import Rpc
from assay.devnet.errors import NotReady
from assay.devnet.parties import STABLE, WEI, Party
from assay.proof.keys import Key
from assay.schema.errors import AssayError
from assay.schema.values import Role

GAS_COIN = 1_000 * WEI
DEPOSIT = 1_000 * STABLE
FUND = 10_000 * STABLE
"""What the operator deposits for audits, which small epochs' fees would not pay."""
TERMS = Terms(windows=Windows(window_s=1, answer_s=30, interval_s=1, notice_s=2))
"""Nothing is at stake here, and somebody waits for each payment."""
SLASH_WINDOWS = SlashWindows(report_s=1800, appeal_s=2, ruling_s=60, execution_s=1800)
STAKE_TERMS = StakeTerms(base=50 * WEI, delay_s=3900, lock_s=3900)
"""Somebody waits for each slash too, and for stake to leave."""


def stake_of(party: Party) -> int:
    """What a provider or verifier stakes: four times what a claim begins with, for each of its slots."""
    return 4 * STAKE_TERMS.base * party.terms.slots


def claim_of(party: Party) -> int:
    """What it claims in cost units a second: more than such a machine ever does, for a provider; one for a verifier."""
    return 10_000 * party.terms.slots if party.role is Role.PROVIDER else 1


class Bank:
    """The one who deploys and mints on a devnet; on a real network nobody has this power over a real token."""

    def __init__(self, folder: Path, rpc_url: Callable[[], str]) -> None:
        self.folder, self.rpc_url = folder, rpc_url
        self.deployment_file = folder / "deployment.json"
        self.operator_key_file = folder / "operator.key"
        self.arbiter_key_file = folder / "arbiter.key"
        self._deployer = make_key(folder / "deployer.key")
        self._mint = asyncio.Lock()  # a key sends one transaction at a time

    @property
    def operator(self) -> Key:
        """The key by which settlement sends transactions, posts epochs and signs receipts."""
        return make_key(self.operator_key_file)

    @property
    def officers(self) -> Officers:
        """Settlement accuses and posts; who rules on appeals holds another key."""
        deployer, operator, arbiter = (
            self._deployer.address,
            self.operator.address,
            make_key(self.arbiter_key_file).address,
        )
        return Officers(proposer=operator, arbiter=arbiter, poster=operator, guardian=deployer)

    async def open(self) -> ChainClient:
        """The chain with the contracts on it, deployed at first. Raises NotReady if the chain has forgotten them."""
        if not self.deployment_file.exists():
            officers = self.officers
            for address in (officers.guardian, officers.proposer, officers.arbiter):
                await self.give_coin(address)
            governed = GovernedTerms(officers, stake=STAKE_TERMS, slashing=SlashTerms(windows=SLASH_WINDOWS))
            deployment = await establish(self.rpc_url(), self._deployer, self.operator.address, governed, TERMS)
            await self._endow_operator(deployment)
            deployment.save(self.deployment_file)
        try:
            chain = await connect(self.rpc_url(), Deployment.load(self.deployment_file))
            await chain.pool_balance()
        except (AssayError, ValueError) as error:
            raise NotReady(f"the chain has not these contracts ({error}): start afresh with --wipe.") from error
        return chain

    async def _endow_operator(self, deployment: Deployment) -> None:
        """Give the operator its bond as a poster, and a deposit from which audits are paid."""
        chain, operator = await connect(self.rpc_url(), deployment), self.operator
        try:
            await wallet.mint_native(chain, self._deployer, operator.address, TERMS.bond)
            await wallet.add_bond(chain, operator, TERMS.bond)
            await wallet.mint_stable(chain, self._deployer, operator.address, FUND)
            await wallet.deposit(chain, operator, FUND)
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
        """Give a party what its role needs: a deposit, or or a stake and what it is claimed to stand for. Once."""
        done = party.folder / "endowed"
        if done.exists():
            return
        if party.role is Role.REQUESTER:
            # It needs no gas, now or later: it signs, and others send it.
            async with self._mint:
                await wallet.mint_stable(chain, self._deployer, party.key.address, 2 * DEPOSIT)
                await wallet.relay(
                    chain, self._deployer, party.key.address, await sign_deposit(chain, party.key, DEPOSIT)
                )
        else:
            await self.give_coin(party.key.address)
            amount = stake_of(party)
            async with self._mint:
                await wallet.mint_native(chain, self._deployer, party.key.address, amount)
            await wallet.stake(chain, party.key, amount)
            await wallet.claim_capacity(chain, party.key, claim_of(party))
        done.touch()
