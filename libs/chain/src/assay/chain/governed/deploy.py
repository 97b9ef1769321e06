"""Puts the governed contracts behind a deployment: one group, made in one order, whose parts name one another at birth.

The timelock names who may schedule, vault and restaking name who slashes: contracts that come later. So all addresses
are computed first, from the deployer's nonce. The deployer keeps no power over any of them.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final, NamedTuple

from eth_abi.abi import encode

from assay.chain.artefacts import artefact, type_of
from assay.chain.deploy import DEFAULT_TERMS, create, deploy, transact
from assay.chain.encode import encode_call
from assay.chain.errors import Reverted
from assay.chain.governed.places import Governed
from assay.chain.governed.refusals import declined
from assay.chain.governed.terms import GovernedTerms
from assay.chain.payment.values import Terms
from assay.chain.rpc import Rpc
from assay.chain.values import Deployment
from assay.chain.words import address, checksum, normal
from assay.proof.keccak import keccak256
from assay.proof.keys import Key
from assay.schema.errors import Mismatch

COMPENSATOR: Final = keccak256(b"COMPENSATOR_ROLE")
ADMINISTRATOR: Final = bytes(32)


@dataclass(frozen=True)
class Plan:
    """What the constructors' arguments are taken from: the first group, the terms, and where each contract will be."""

    first: Deployment
    terms: GovernedTerms
    at: Mapping[str, str]


class Creation(NamedTuple):
    """One contract: its field in `Governed`, its name, what it is made with, and whether it needs feeds of a price."""

    field: str
    contract: str
    arguments: Callable[[Plan], tuple[object, ...]]
    is_priced: bool = False


def _timelock(plan: Plan) -> tuple[object, ...]:
    return plan.terms.votes.wait_s, [plan.at["governance"]]


def _governance(plan: Plan) -> tuple[object, ...]:
    votes = plan.terms.votes
    where = plan.first.native, plan.at["timelock"]
    return *where, votes.delay_s, votes.period_s, votes.threshold, votes.quorum_percent


def _restaking(plan: Plan) -> tuple[object, ...]:
    return plan.first.native, plan.at["slashing"], plan.terms.stake.delay_s


def _vault(plan: Plan) -> tuple[object, ...]:
    at, terms = plan.at, plan.terms.stake
    powers = at["slashing"], at["timelock"]
    return plan.first.native, at["restaking"], *powers, terms.delay_s, terms.lock_s, (terms.base, terms.per_unit)


def _slashing(plan: Plan) -> tuple[object, ...]:
    at, first, terms, officers = plan.at, plan.first, plan.terms.slashing, plan.terms.officers
    where = first.native, at["vault"], at["restaking"], first.pool, first.judge
    shares = terms.bounty, terms.bond, terms.bounty_ppm, terms.burn_ppm
    waits = terms.windows.report_s, terms.windows.appeal_s, terms.windows.ruling_s, terms.windows.execution_s
    return ((*where, at["timelock"], officers.proposer, officers.arbiter, shares, waits),)


def _purses(plan: Plan) -> tuple[object, ...]:
    return plan.first.native, plan.first.pool


def _rewards(plan: Plan) -> tuple[object, ...]:
    terms, officers = plan.terms.rewards, plan.terms.officers
    powers = plan.at["timelock"], officers.poster, officers.guardian
    formula = terms.target_ppm, terms.cap_ppm, terms.stake_per_mega_unit
    return plan.first.native, *powers, terms.emission, formula


def _oracle(plan: Plan) -> tuple[object, ...]:
    terms = plan.terms.oracle
    return list(terms.feeds), terms.stale_s, terms.outlier_ppm


def _treasury(plan: Plan) -> tuple[object, ...]:
    at, terms = plan.at, plan.terms.treasury
    rules = terms.spread_ppm, terms.warn_ppm, terms.halt_ppm, terms.burn_ppm, terms.bounty_ppm, terms.day_cap
    return plan.first.native, at["oracle"], at["slashing"], plan.first.pool, at["timelock"], rules


CREATIONS: Final = (
    Creation("timelock", "Timelock", _timelock),
    Creation("governance", "Governance", _governance),
    Creation("restaking", "Restaking", _restaking),
    Creation("vault", "StakeVault", _vault),
    Creation("slashing", "Slashing", _slashing),
    Creation("purses", "Purses", _purses),
    Creation("rewards", "Rewards", _rewards),
    Creation("oracle", "MedianOracle", _oracle, is_priced=True),
    Creation("treasury", "Treasury", _treasury, is_priced=True),
)
"""The governed contracts, in the order in which they are made."""


async def establish(
    rpc_url: str, deployer_key: Key, settler: str, terms: GovernedTerms, payment: Terms = DEFAULT_TERMS
) -> Deployment:
    """Returns a new deployment with both groups of contracts. Raises ChainUnreachable, Unfunded, Reverted."""
    return await govern(rpc_url, deployer_key, await deploy(rpc_url, deployer_key, settler, terms=payment), terms)


async def govern(rpc_url: str, deployer_key: Key, first: Deployment, terms: GovernedTerms) -> Deployment:
    """Returns the deployment with its governed contracts: made now, or those that it has already, unchanged.

    The deployer has to be the insurance pool's administrator, to let slashes refund their victims out of it.
    Raises ChainUnreachable, Unfunded, Reverted; Mismatch if the contracts that it names are not there.
    """
    rpc = Rpc(rpc_url)
    try:
        if first.governed:
            await _require_code(rpc, first.governed)
            return first
        return replace(first, governed=await _govern(rpc, deployer_key, first, terms))
    finally:
        await rpc.close()


async def _govern(rpc: Rpc, key: Key, first: Deployment, terms: GovernedTerms) -> Governed:
    deployer = normal(key.address)
    if not await _asked(rpc, first.pool, "hasRole(bytes32,address)", ADMINISTRATOR, deployer):
        raise Reverted(f"{deployer} is not the administrator of the insurance pool: deploy with the key that is.")
    deployed_block = int(await rpc.ask("eth_blockNumber"), 16) + 1
    nonce = int(await rpc.ask("eth_getTransactionCount", deployer, "latest"), 16)
    chosen = [creation for creation in CREATIONS if terms.oracle.feeds or not creation.is_priced]
    at = {creation.field: created_at(deployer, nonce + count) for count, creation in enumerate(chosen)}
    plan = Plan(first, terms, at)
    for creation in chosen:
        if await _create(rpc, key, creation, plan) != at[creation.field]:
            raise Reverted("The deployer's key sent something else meanwhile: deploy again, with nothing beside it.")
    await _wire(rpc, key, first, at["slashing"])
    feeds = tuple(normal(feed) for feed in terms.oracle.feeds)
    credit = await _credit(rpc, at["treasury"]) if feeds else ""
    return Governed(deployed_block=deployed_block, **at, credit=credit, feeds=feeds)


async def _create(rpc: Rpc, key: Key, creation: Creation, plan: Plan) -> str:
    """Returns where a contract stands. Raises Declined, in words, for terms that it does not take."""
    try:
        return await create(rpc, key, plan.first.chain_id, creation.contract, pack(creation, plan))
    except Reverted as error:
        raise declined(error) from None


def created_at(deployer: str, nonce: int) -> str:
    """Returns where the contract stands that a key makes by its transaction of this nonce."""
    import rlp  # type: ignore[import-untyped]

    return checksum(keccak256(rlp.encode([address(deployer)[12:], nonce]))[12:])


def pack(creation: Creation, plan: Plan) -> bytes:
    """Returns a constructor's arguments as the contract reads them."""
    (constructor,) = (entry for entry in artefact(creation.contract).abi if entry["type"] == "constructor")
    return bytes(encode([type_of(field) for field in constructor["inputs"]], creation.arguments(plan)))


async def _wire(rpc: Rpc, key: Key, first: Deployment, slashing: str) -> None:
    """Let slashes refund their victims out of the insurance pool."""
    grant = encode_call("grantRole(bytes32,address)", COMPENSATOR, slashing)
    await transact(rpc, key, first.chain_id, first.pool, grant, "Slashing was not let compensate out of the pool.")


async def _credit(rpc: Rpc, treasury: str) -> str:
    return checksum((await _asked(rpc, treasury, "CREDIT()")).to_bytes(20, "big"))


async def _asked(rpc: Rpc, to: str, signature: str, *arguments: str | bytes) -> int:
    call = {"to": to, "data": "0x" + encode_call(signature, *arguments).hex()}
    return int(await rpc.ask("eth_call", call, "latest"), 16)


async def _require_code(rpc: Rpc, governed: Governed) -> None:
    for name, place in governed.contracts().items():
        if await rpc.ask("eth_getCode", place, "latest") == "0x":
            raise Mismatch(f"No {name} stands at {place}: is the file of another chain?")
