"""Random histories over the doors of stake, on a node: a slash takes no more than there is, no exit is ever held up for
good, and every token is where the contracts say."""

import asyncio
import os
from collections import Counter
from collections.abc import Coroutine
from typing import Any, ClassVar, NamedTuple, TypeVar

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)
from libs.chain.tests.governing import DAY_S, Cast, Stage, first_group

from assay.chain.client import connect
from assay.chain.governed import restaking, slashing, vault
from assay.chain.governed.accusations import Accusation, Phase, Proposal
from assay.chain.governed.acts import Act, approve, number
from assay.chain.governed.cover import CoverTerms
from assay.chain.governed.deploy import govern
from assay.chain.governed.parameters import PARAMETERS
from assay.chain.governed.setting import acts_for, present
from assay.chain.governed.terms import NATIVE_UNIT
from assay.chain.values import SlashReason
from assay.chain.words import normal, selector

pytestmark = pytest.mark.server

# So many steps at every change, and more by night.
STEPS = int(os.environ.get("ASSAY_TEST_STEPS", "500"))
LENGTH = 100
UNIT = NATIVE_UNIT
WHO = st.sampled_from(range(2))
AMOUNTS = st.sampled_from([1, UNIT, 150 * UNIT, 777 * UNIT, 5000 * UNIT])
# What rounding may leave behind in pools that nobody owns: a unit for each division.
DUST = 1000
VOTABLE = ("stake.base", "slash.rate.invalid_result", "slash.burned", "slash.bounty")
MOVES = (
    *("stakes", "claims", "unstakes", "withdraws", "allocates", "deallocates", "collects"),
    *("accuses", "accuses", "moves_on", "moves_on", "moves_on", "votes_turn"),
)
T = TypeVar("T")


class Choice(NamedTuple):
    """Who does something to whom, and how."""

    provider: str
    delegator: str
    amount: int
    dice: int


# What a history has to hold to show something.
TOLD = (
    *("unstake(uint256)", "withdraw()", "deallocate(address,uint256)", "withdraw(address)"),
    *("appeal(bytes32,bytes32)", "rule(bytes32,bool,bytes32)", "execute(bytes32)", "lapse(bytes32)", "refund(bytes32)"),
)


class World:
    """A node with both groups, on a loop of its own, whose parties send without signing."""

    def __init__(self, url: str) -> None:
        self.runner = asyncio.Runner()
        self.done: Counter[bytes] = Counter()
        cast = Cast()
        deployment = self.run(first_group(url, cast))
        deployment = self.run(govern(url, cast.admin, deployment, cast.terms))
        self.stage = Stage(self.run(connect(url, deployment)), cast)
        self.node = self.stage.node
        self.providers = [normal(key.address) for key in (cast.provider, cast.stranger)]
        self.delegators = [normal(key.address) for key in (cast.delegator, cast.guardian)]
        self.proposer, self.arbiter = normal(cast.slasher.address), normal(cast.arbiter.address)
        self.run(self.endow(cast))
        at = self.stage.at
        others = [at.vault, at.restaking, at.slashing, deployment.pool, self.proposer, self.arbiter]
        self.holders = [*self.providers, *self.delegators, *others]

    async def endow(self, cast: Cast) -> None:
        """Give everybody tokens, and let the contracts take them."""
        await self.stage.fund(cast.provider, cast.stranger, cast.delegator, cast.guardian, amount=10**6 * UNIT)
        await self.stage.fund(cast.slasher, amount=1000 * UNIT)
        at = self.stage.at
        for sender in (*self.providers, *self.delegators, self.proposer, self.arbiter, at.timelock):
            await self.stage.embody(sender)
        await self.stage.do(cast.slasher, *slashing.fund_bounties(self.node, 100 * UNIT))
        for who in (*self.providers, *self.delegators):
            for spender in (at.vault, at.restaking, at.slashing):
                assert await self.stage.force(who, approve(self.node, spender, 2**255))

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """What the work gives."""
        return self.runner.run(work)

    def close(self) -> None:
        """End the loop."""
        self.run(self.node.close())
        self.runner.close()


class StakeMachine(RuleBasedStateMachine):
    """Parties, officers and hostile votes in any order; refused acts change nothing, which is a step too."""

    world: ClassVar[World]

    def __init__(self) -> None:
        super().__init__()
        self.before = self.world.run(self.world.stage.ask("evm_snapshot"))
        self.ids: list[bytes] = []

    @initialize(amounts=st.tuples(AMOUNTS, AMOUNTS, AMOUNTS))
    def begins(self, amounts: tuple[int, int, int]) -> None:
        """Somebody has something at stake."""
        (one, other), node = self.world.providers, self.world.node
        for provider, amount in ((one, amounts[0]), (other, amounts[1])):
            assert self.send(provider, *vault.stake_for(node, provider, amount))
        assert self.send(self.world.delegators[0], *restaking.allocate(node, one, amounts[2]))

    def send(self, sender: str, *acts: Act) -> bool:
        """Whether the last of these acts was done."""
        is_done = self.world.run(self.world.stage.force(sender, acts[-1]))
        self.world.done[acts[-1].data[:4]] += is_done
        return is_done

    @rule(move=st.sampled_from(MOVES), who=WHO, other=WHO, amount=AMOUNTS, dice=st.integers(0, 11))
    def something_happens(self, move: str, who: int, other: int, amount: int, dice: int) -> None:
        """Any party does anything; hypothesis would leave whole rules out of a history, and little would follow."""
        choice = Choice(self.world.providers[who], self.world.delegators[other], amount, dice)
        getattr(self, move)(choice)

    def stakes(self, what: Choice) -> None:
        assert self.send(what.provider, *vault.stake_for(self.world.node, what.provider, what.amount))

    def claims(self, what: Choice) -> None:
        """Exactly what the terms say is covered is taken: whoever reads the chain reckons as the vault does."""
        units, node = (0, 0, 50_000)[what.dice % 3], self.world.node
        bond, terms, lent = self.world.run(self.cover_of(what.provider))
        is_enough = units <= bond.claim or bond.active >= terms.own_for(units, lent)
        assert self.send(what.provider, vault.claim(node, units)) == is_enough
        if is_enough:
            covered = units > 0 and bond.active >= terms.own_for(units, lent)
            assert self.world.run(node.is_covered(what.provider)) == covered

    async def cover_of(self, provider: str) -> tuple[vault.Bond, CoverTerms, int]:
        node = self.world.node
        return await vault.bond_of(node, provider), await node.cover_terms(), await node.backing_of(provider)

    def unstakes(self, what: Choice) -> None:
        bond = self.world.run(vault.bond_of(self.world.node, what.provider))
        self.send(what.provider, vault.unstake(self.world.node, bond.active // (1 + what.dice % 3)))

    def withdraws(self, what: Choice) -> None:
        self.time_passes(what)
        self.send(what.provider, vault.withdraw(self.world.node))

    def allocates(self, what: Choice) -> None:
        self.send(what.delegator, *restaking.allocate(self.world.node, what.provider, what.amount))

    def deallocates(self, what: Choice) -> None:
        held = self.world.run(restaking.backing_of(self.world.node, what.provider, what.delegator))
        shares = held.shares // (1 + what.dice % 3)
        self.send(what.delegator, restaking.deallocate(self.world.node, what.provider, shares))

    def collects(self, what: Choice) -> None:
        self.time_passes(what)
        self.send(what.delegator, restaking.withdraw(self.world.node, what.provider))

    def accuses(self, what: Choice) -> None:
        world, age_s = self.world, (0, 0, DAY_S, 9 * DAY_S)[what.dice % 4]
        happened_at = world.run(world.node.block()).timestamp - age_s
        offence = (len(self.ids) + (what.dice < 9)).to_bytes(32, "big")
        reason, parties = SlashReason(what.dice % len(SlashReason)), (world.proposer, what.delegator)
        said = Accusation(what.provider, reason, offence, happened_at, *parties, 10 * UNIT, bytes(32))
        if self.send(world.proposer, slashing.propose(world.node, said)):
            assert age_s <= 7 * DAY_S and said.id not in self.ids
            self.ids.append(said.id)

    def moves_on(self, what: Choice) -> None:
        """What an accusation waits for is done, or nobody does it in time."""
        if not self.ids:
            return
        id_, turn, node = self.ids[-1 - what.dice % min(2, len(self.ids))], what.dice // 4, self.world.node
        said = self.world.run(node.proposal_of(id_))
        if said.phase is Phase.PROPOSED and turn == 0:
            if self.send(said.accused, *slashing.appeal(node, id_, bytes(32), 5 * UNIT)) and what.dice % 2:
                self.send(self.world.arbiter, slashing.rule(node, id_, what.dice == 1, bytes(32)))
        elif said.phase is Phase.APPEALED and what.dice % 4:
            self.send(self.world.arbiter, slashing.rule(node, id_, what.dice % 4 == 1, bytes(32)))
        elif said.phase is Phase.EXECUTED:
            self.send(self.world.proposer, slashing.refund(node, id_))
        else:
            self.waits(3 if said.phase is Phase.PROPOSED and turn == 1 else 6 * (turn == 2))
            self.send(self.world.proposer, slashing.lapse(node, id_))
            self.executes(id_, said)

    def executes(self, id_: bytes, said: Proposal) -> None:
        """A slash takes at most what was named when it was proposed, and at most what there is."""
        had = self.at_stake(said.accused)
        if self.send(self.world.proposer, slashing.execute(self.world.node, id_)):
            taken = had - self.at_stake(said.accused)
            assert 0 <= taken <= min(had, said.own + said.backing)
            assert said.phase in (Phase.PROPOSED, Phase.CONFIRMED)

    def votes_turn(self, what: Choice) -> None:
        world, name = self.world, VOTABLE[what.dice % len(VOTABLE)]
        value = PARAMETERS[name].most if what.dice < 6 else PARAMETERS[name].least
        (act,) = acts_for(world.node, {name: value}, world.run(present(world.node)))
        assert self.send(world.stage.at.timelock, act)

    def time_passes(self, what: Choice) -> None:
        self.waits({11: 22, 10: 8, 9: 3, 8: 1}.get(what.dice, 0))

    def waits(self, days: int) -> None:
        """Put the clock forward."""
        self.world.run(self.world.stage.pass_time(days * DAY_S + 1))

    def at_stake(self, provider: str) -> int:
        """All that a slash of a provider reaches."""
        return self.world.run(self.reached(provider))

    async def reached(self, provider: str) -> int:
        at, node = self.world.stage.at, self.world.node
        own, lent = await asyncio.gather(
            number(node, at.vault, "slashableOf(address)", provider),
            number(node, at.restaking, "slashableOf(address)", provider),
        )
        return own + lent

    @invariant()
    def every_token_is_where_the_contracts_say(self) -> None:
        self.world.run(self.conserved())

    async def conserved(self) -> None:
        world, at, node = self.world, self.world.stage.at, self.world.node
        native = node.deployment.native
        own = [number(node, at.vault, "slashableOf(address)", who) for who in world.providers]
        lent = [number(node, at.restaking, "slashableOf(address)", who) for who in world.providers]
        held = [node.token_balance(native, who) for who in world.holders]
        bonds = [node.proposal_of(id_) for id_ in self.ids]
        staked, backing, balances, proposals, supply, fund = await asyncio.gather(
            asyncio.gather(*own),
            asyncio.gather(*lent),
            asyncio.gather(*held),
            asyncio.gather(*bonds),
            number(node, native, "totalSupply()"),
            node.bounty_fund(),
        )
        holds = dict(zip(world.holders, balances, strict=True))
        assert sum(balances) == supply
        assert holds[at.vault] == sum(staked)
        assert 0 <= holds[at.restaking] - sum(backing) <= DUST
        assert holds[at.slashing] == fund + sum(proposal.bond for proposal in proposals)

    def teardown(self) -> None:
        """Whatever happened, everybody leaves with all that was not slashed."""
        try:
            self.world.run(self.everybody_leaves())
        finally:
            self.world.run(self.world.stage.ask("evm_revert", self.before))

    async def everybody_leaves(self) -> None:
        world, stage, node = self.world, self.world.stage, self.world.node
        # Parts that wait are out of the way first, whatever is locked: none is held beyond its delay and 14 days.
        for round_ in range(2):
            for provider in world.providers:
                bond = await vault.bond_of(node, provider)
                if round_ and bond.active:
                    assert await stage.force(provider, vault.claim(node, 0))
                    assert await stage.force(provider, vault.unstake(node, bond.active))
                for delegator in world.delegators if round_ else ():
                    held = await restaking.backing_of(node, provider, delegator)
                    if held.shares:
                        assert await stage.force(delegator, restaking.deallocate(node, provider, held.shares))
            await stage.pass_time(35 * DAY_S)
            for provider in world.providers:
                if (await vault.bond_of(node, provider)).unbonding:
                    assert await stage.force(provider, vault.withdraw(node))
                for delegator in world.delegators:
                    await stage.force(delegator, restaking.withdraw(node, provider))
        native, at = node.deployment.native, stage.at
        assert await node.token_balance(native, at.vault) == 0
        assert await node.token_balance(native, at.restaking) <= DUST


@pytest.mark.slow
def test_stake_keeps_its_promises_in_any_history(anvil: str) -> None:
    StakeMachine.world = World(anvil)
    try:
        run_state_machine_as_test(
            StakeMachine,
            settings=settings(max_examples=STEPS // LENGTH, stateful_step_count=LENGTH, derandomize=STEPS == 500),
        )
        done = StakeMachine.world.done
        assert all(done[selector(function)] > 0 for function in TOLD), (
            f"a history of {[done[selector(function)] for function in TOLD]} shows little"
        )
    finally:
        StakeMachine.world.close()
