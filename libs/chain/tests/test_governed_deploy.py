"""The governed contracts are deployed as one group, in which only the timelock has power, and over no exit."""

import json
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from libs.chain.tests.governing import DAY_S, FEEDS, Cast, Stage, first_group, staged, without

from assay.chain.artefacts import artefact, signature_of
from assay.chain.errors import Reverted
from assay.chain.governed import restaking, vault
from assay.chain.governed.acts import Act, call, number
from assay.chain.governed.deploy import ADMINISTRATOR, COMPENSATOR, CREATIONS, created_at, govern
from assay.chain.governed.parameters import SETTERS, Setter
from assay.chain.governed.places import FIELD_OF
from assay.chain.governed.refusals import Declined
from assay.chain.governed.terms import NATIVE_UNIT, NOBODY, GovernedTerms, StakeTerms
from assay.chain.values import Deployment
from assay.chain.words import normal, selector, uint
from assay.proof.keccak import keccak256
from assay.schema.errors import Mismatch

pytestmark = pytest.mark.server

GOVERNORS = ("vault", "slashing", "rewards", "treasury")
ROLES = {name: keccak256(name.encode()) for name in ("PROPOSER_ROLE", "EXECUTOR_ROLE", "CANCELLER_ROLE")}
EXITS = {"unstake", "deallocate", "withdraw", "redeem", "claim", "unlock", "refund", "lapse"}


@pytest.fixture(scope="module")
async def stage(anvil: str) -> AsyncIterator[Stage]:
    """Both groups, for tests that change nothing but what they bring along."""
    async for made in staged(anvil):
        yield made


def calldata(setter: Setter, values: list[int]) -> bytes:
    """What a vote would call."""
    return selector(setter.function) + b"".join(map(uint, (*setter.fixed, *values)))


async def place(stage: Stage, field: str, question: str) -> str:
    """The address that a contract answers with."""
    return normal(f"0x{await number(stage.node, getattr(stage.at, field), question):040x}")


async def test_the_timelock_governs_and_slashing_slashes(stage: Stage) -> None:
    assert {await place(stage, field, "GOVERNOR()") for field in GOVERNORS} == {stage.at.timelock}
    assert {await place(stage, field, "SLASHER()") for field in ("vault", "restaking")} == {stage.at.slashing}
    assert await place(stage, "governance", "timelock()") == stage.at.timelock
    assert await place(stage, "treasury", "ORACLE()") == stage.at.oracle
    assert await place(stage, "treasury", "CREDIT()") == stage.at.credit
    assert stage.at.feeds == FEEDS


async def test_only_votes_schedule_and_anybody_executes(stage: Stage) -> None:
    holders = [stage.at.governance, NOBODY, stage.at.timelock, *(normal(key.address) for key in stage.cast.all())]

    async def held(role: bytes) -> list[str]:
        answers = [
            await number(stage.node, stage.at.timelock, "hasRole(bytes32,address)", role, who) for who in holders
        ]
        return [who for who, has in zip(holders, answers, strict=True) if has]

    assert await held(ROLES["PROPOSER_ROLE"]) == await held(ROLES["CANCELLER_ROLE"]) == [stage.at.governance]
    assert await held(ROLES["EXECUTOR_ROLE"]) == [NOBODY]
    assert await held(ADMINISTRATOR) == [stage.at.timelock]
    with pytest.raises(Declined, match="FixedRoles"):
        grant = call(stage.at.timelock, "grantRole(bytes32,address)", ROLES["PROPOSER_ROLE"], stage.at.timelock)
        await stage.as_(stage.at.timelock, grant)


async def test_slashes_refund_out_of_the_pool_and_the_deployer_keeps_nothing(stage: Stage) -> None:
    pool = stage.node.deployment.pool
    assert await number(stage.node, pool, "hasRole(bytes32,address)", COMPENSATOR, stage.at.slashing)
    for setter in SETTERS:
        at = getattr(stage.at, setter.contract)
        act = Act(at, calldata(setter, [each.least for each in setter.parameters]))
        for key in (stage.cast.admin, stage.cast.settler, stage.cast.slasher, stage.cast.guardian):
            with pytest.raises(Declined) as refused:
                await stage.as_(normal(key.address), act)
            assert refused.value.name in {"NotAllowed", "GovernorOnlyExecutor", "TimelockUnauthorizedCaller"}


def test_no_function_but_those_of_the_table_asks_for_the_timelock() -> None:
    """Every function that changes something: a party's own, the slasher's, an officer's, or one that votes may use."""
    votable = {(setter.contract, setter.function) for setter in SETTERS}
    assert len(votable) == 14
    for contract in ("StakeVault", "Restaking", "Slashing", "Purses", "Rewards", "Treasury"):
        changing = [
            entry
            for entry in artefact(contract).abi
            if entry["type"] == "function" and entry["stateMutability"] == "nonpayable"
        ]
        for entry in changing:
            name, is_votable = entry["name"], (FIELD_OF[contract], signature_of(entry)) in votable
            assert is_votable == name.startswith(("set", "appoint", "revoke")), f"{contract}.{name}"
            assert not (is_votable and name in EXITS)
            assert not name.startswith(("pause", "upgrade", "rescue", "mintTo")), f"{contract}.{name}"


async def test_whoever_leaves_when_votes_turn_hostile_loses_nothing(anvil: str) -> None:
    async for stage in staged(anvil):
        provider, delegator = stage.cast.provider, stage.cast.delegator
        await stage.fund(provider, delegator)
        whole = 10_000 * NATIVE_UNIT
        await stage.do(provider, *vault.stake_for(stage.node, provider.address, whole), vault.claim(stage.node, 1000))
        await stage.do(delegator, *restaking.allocate(stage.node, provider.address, whole))
        await stage.embody(stage.at.timelock)
        for setter in SETTERS:
            data = calldata(setter, [each.most for each in setter.parameters])
            await stage.force(stage.at.timelock, Act(getattr(stage.at, setter.contract), data))
        assert (await vault.minimum_for(stage.node, 1)) > 10 * whole
        held = await restaking.backing_of(stage.node, provider.address, delegator.address)
        await stage.do(provider, vault.claim(stage.node, 0), vault.unstake(stage.node, whole))
        await stage.do(delegator, restaking.deallocate(stage.node, provider.address, held.shares))
        await stage.pass_time(21 * DAY_S)
        await stage.do(provider, vault.withdraw(stage.node))
        await stage.do(delegator, restaking.withdraw(stage.node, provider.address))
        native = stage.node.deployment.native
        assert await stage.node.token_balance(native, provider.address) == whole
        assert whole - await stage.node.token_balance(native, delegator.address) < 1000


async def test_what_stands_is_not_deployed_again(stage: Stage, anvil: str) -> None:
    before = await stage.node.nonce_of(stage.cast.admin.address)
    again = await govern(anvil, stage.cast.admin, stage.node.deployment, stage.cast.terms)
    assert again == stage.node.deployment
    assert await stage.node.nonce_of(stage.cast.admin.address) == before


async def test_a_file_of_another_chain_is_told_from_one_that_stands(stage: Stage, anvil: str) -> None:
    elsewhere = replace(stage.node.deployment, governed=replace(stage.at, vault=NOBODY[:-1] + "9"))
    with pytest.raises(Mismatch, match="No StakeVault stands at"):
        await govern(anvil, stage.cast.admin, elsewhere, stage.cast.terms)


async def test_a_key_that_is_not_the_pools_administrator_deploys_nothing(stage: Stage, anvil: str) -> None:
    with pytest.raises(Reverted, match="administrator of the insurance pool"):
        await govern(anvil, stage.cast.stranger, without(stage.node.deployment), stage.cast.terms)
    assert await stage.node.nonce_of(stage.cast.stranger.address) == 0


async def test_without_a_price_there_is_no_treasury_and_the_file_says_so(anvil: str, tmp_path) -> None:
    cast = Cast()
    first = await first_group(anvil, cast)
    made = await govern(anvil, cast.admin, first, GovernedTerms(officers=cast.terms.officers))
    assert made.governed and (made.governed.treasury, made.governed.oracle, made.governed.feeds) == ("", "", ())
    assert set(made.governed.contracts()) == {
        "Timelock",
        "Governance",
        "Restaking",
        "StakeVault",
        "Slashing",
        "Purses",
        "Rewards",
    }
    for deployment in (first, made):
        deployment.save(tmp_path / "deployment.json")
        assert Deployment.load(tmp_path / "deployment.json") == deployment
    text = json.loads((tmp_path / "deployment.json").read_text())
    del text["governed"]["vault"]
    (tmp_path / "deployment.json").write_text(json.dumps(text))
    with pytest.raises(ValueError, match="vault"):
        Deployment.load(tmp_path / "deployment.json")


@pytest.mark.parametrize(
    ("stake", "says"),
    [
        (StakeTerms(base=1), "OutOfRange: 1 is outside of 1000000000000000000 to"),
        (StakeTerms(delay_s=14 * DAY_S), "DelayTooShort: Stake would leave after 14 days, and slashes take 16 days"),
    ],
)
async def test_terms_that_a_contract_does_not_take_are_said_in_words(
    stage: Stage, anvil: str, stake: StakeTerms, says: str
) -> None:
    with pytest.raises(Declined, match=says):
        await govern(anvil, stage.cast.admin, without(stage.node.deployment), replace(stage.cast.terms, stake=stake))


def test_the_table_names_every_contract_and_an_address_follows_from_the_nonce() -> None:
    assert {creation.contract for creation in CREATIONS} == set(FIELD_OF)
    # The example of Ethereum's yellow paper clients: the first contracts of one account.
    deployer = "0x6ac7ea33f8831ea9dcc53393aaa88b25a785dbf0"
    assert created_at(deployer, 0) == normal("0xcd234a471b72ba2f1ccf0a70fcaba648a5eecd8d")
    assert created_at(deployer, 1) == normal("0x343c43a37d37dff08ae8c4a11544c718abb4fcf8")
