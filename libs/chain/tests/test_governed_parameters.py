"""The table of parameters is what the contracts hold in code: each bound is taken, and nothing beyond it."""

from collections.abc import AsyncIterator

import pytest
from libs.chain.tests.governing import DAY_S, Stage, staged

from assay.chain.governed import votes
from assay.chain.governed.acts import Act, number
from assay.chain.governed.parameters import PARAMETERS, SETTERS, Setter, Unit
from assay.chain.governed.refusals import Declined
from assay.chain.governed.setting import act_of, present
from assay.chain.governed.terms import GovernedTerms
from assay.chain.governed.votes import Side
from assay.chain.words import normal
from assay.proof.keys import Key

pytestmark = pytest.mark.server

# Ranges that hang on another parameter of the same call: that one is moved out of the way.
BESIDE = {
    "treasury.halt_cover": {"treasury.warn_cover": 1_500_000},
    "treasury.warn_cover": {"treasury.halt_cover": 850_000},
}
BESIDE |= {"treasury.fees_burned": {"treasury.fees_bounties": 0}, "treasury.fees_bounties": {"treasury.fees_burned": 0}}
BOUNDED = [
    (setter, index)
    for setter in SETTERS
    for index, parameter in enumerate(setter.parameters)
    if parameter.unit is not Unit.ADDRESS and setter.contract != "governance"
]
OWN = [setter for setter in SETTERS if setter.contract == "governance"]


@pytest.fixture(scope="module")
async def stage(anvil: str) -> AsyncIterator[Stage]:
    """Both groups, of which nothing is changed."""
    async for made in staged(anvil):
        yield made


@pytest.fixture(scope="module")
async def now(stage: Stage) -> dict[str, int]:
    """What every parameter is."""
    return await present(stage.node)


def act_with(stage: Stage, setter: Setter, index: int, value: int, now: dict[str, int]) -> Act:
    """The act that sets one parameter, others out of its way or as they are."""
    name = setter.parameters[index].name
    wanted = now | BESIDE.get(name, {}) | {name: value}
    return act_of(stage.node, setter, [wanted[each.name] for each in setter.parameters])


@pytest.mark.parametrize(("setter", "index"), BOUNDED, ids=lambda value: getattr(value, "function", str(value)))
async def test_a_range_is_the_contracts(stage: Stage, now: dict[str, int], setter: Setter, index: int) -> None:
    parameter, governor = setter.parameters[index], stage.at.timelock
    assert parameter.least <= now[parameter.name] <= parameter.most
    for value in (parameter.least, parameter.most):
        await stage.as_(governor, act_with(stage, setter, index, value, now))
    for value in (parameter.least - 1, parameter.most + 1):
        if value >= 0:
            with pytest.raises(Declined) as refused:
                await stage.as_(governor, act_with(stage, setter, index, value, now))
            assert (refused.value.name, refused.value.arguments["value"]) == ("OutOfRange", value)


async def test_what_is_deployed_is_what_the_terms_say(stage: Stage, now: dict[str, int]) -> None:
    terms: GovernedTerms = stage.cast.terms
    said = {
        "stake.base": terms.stake.base,
        "stake.per_unit": terms.stake.per_unit,
        "slash.rate.downtime": 5_000,
        "slash.appeal_bond": terms.slashing.bond,
        "rewards.place_cap": terms.rewards.cap_ppm,
        "rewards.poster": int(terms.officers.poster, 16),
        "treasury.day_cap": terms.treasury.day_cap,
        "gov.wait": terms.votes.wait_s,
        "gov.quorum": terms.votes.quorum_percent,
    }
    assert {name: now[name] for name in said} == said
    assert set(now) == {name for name in PARAMETERS if name not in ("slash.proposer", "slash.arbiter", "slash.revoked")}
    assert await number(stage.node, stage.at.slashing, "NOTICE()") == 42 * DAY_S
    assert normal(f"0x{now['rewards.guardian']:040x}") == terms.officers.guardian


async def test_the_votes_own_ranges_hold_in_what_votes_decide(stage: Stage) -> None:
    """The contract of the votes takes its parameters only from a decision that is being carried out."""
    voter = stage.cast.delegator
    await stage.fund(voter, amount=10**24)
    await stage.do(voter, votes.delegate(stage.node, voter.address))
    await stage.pass_time(1)
    within = [act_of(stage.node, setter, [bound]) for setter in OWN for bound in bounds_of(setter)]
    beyond = {
        act_of(stage.node, setter, [value]): value
        for setter in OWN
        for value in (bounds_of(setter)[0] - 1, bounds_of(setter)[1] + 1)
        if value >= 0
    }
    *refused, taken = await decided(stage, voter, [[act] for act in beyond] + [within])
    for motion, value in zip(refused, beyond.values(), strict=True):
        with pytest.raises(Declined) as error:
            await stage.do(voter, votes.execute(stage.node, motion))
        assert (error.value.name, error.value.arguments["value"]) == ("OutOfRange", value)
    await stage.do(voter, votes.execute(stage.node, taken))
    rules = await votes.rules(stage.node)
    assert [rules.delay_s, rules.period_s, rules.threshold, rules.quorum_percent] == [bounds_of(s)[1] for s in OWN]


def bounds_of(setter: Setter) -> tuple[int, int]:
    """The least and the most of a function's only parameter."""
    (parameter,) = setter.parameters
    return parameter.least, parameter.most


async def decided(stage: Stage, voter: Key, proposed: list[list[Act]]) -> list[votes.Motion]:
    """These proposals, voted for together, once they have waited in the timelock."""
    for acts in proposed:
        await stage.do(voter, votes.propose(stage.node, acts, "bounds"))
    motions = await votes.motions(stage.node)
    await stage.pass_time(DAY_S + 1)
    for motion in motions:
        await stage.do(voter, votes.vote(stage.node, motion.id, Side.FOR))
    await stage.pass_time(3 * DAY_S)
    for motion in motions:
        await stage.do(voter, votes.queue(stage.node, motion))
    await stage.pass_time(2 * DAY_S)
    return motions
