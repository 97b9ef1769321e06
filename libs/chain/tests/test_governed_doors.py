"""The doors of the governed contracts on a node: what they do, what is said then, what is refused in which words."""

from collections.abc import AsyncIterator

import pytest
from libs.chain.tests.governing import DAY_S, Stage, staged

from assay.chain import wallet
from assay.chain.errors import Reverted
from assay.chain.governed import (
    restaking,
    reward_events,
    rewards,
    slashing,
    stake_events,
    treasury,
    vault,
    votes,
)
from assay.chain.governed.accusations import Accusation, Phase
from assay.chain.governed.acts import call
from assay.chain.governed.logs import events_of
from assay.chain.governed.purses import Loss, Shared, purse_of
from assay.chain.governed.refusals import Declined, VoteState
from assay.chain.governed.setting import Unsettable, acts_for, present, read_act, rehearse
from assay.chain.governed.terms import NATIVE_UNIT, NOBODY
from assay.chain.governed.trail import trail_of
from assay.chain.governed.treasury import Minting
from assay.chain.governed.votes import Side
from assay.chain.values import SlashReason
from assay.chain.words import normal
from assay.proof.keys import Key
from assay.proof.rewards import Entry, Inputs, period_of, prove, root_of

pytestmark = pytest.mark.server

UNIT = NATIVE_UNIT
LEASE = b"lease".ljust(32, b"\0")


@pytest.fixture(scope="module")
async def stage(anvil: str) -> AsyncIterator[Stage]:
    """Both groups; the tests use parties of their own where they would meet."""
    async for made in staged(anvil):
        yield made


async def party(stage: Stage, *, tokens: int = 10_000) -> Key:
    """Somebody with coin and native tokens."""
    key = Key.generate()
    await stage.ask("anvil_setBalance", key.address, hex(10**20))
    await stage.fund(key, amount=tokens * UNIT)
    return key


async def test_stake_grows_with_its_claim_and_leaves_after_its_delay(stage: Stage) -> None:
    node, provider = stage.node, await party(stage)
    who = normal(provider.address)
    assert await stage.do(provider, *vault.stake_for(node, who, 200 * UNIT)) == [stake_events.Staked(who, 200 * UNIT)]
    units = (200 - 100) * 1000
    assert await vault.minimum_for(node, units) == 200 * UNIT
    with pytest.raises(Declined, match=r"StakeTooLow: 200\.0000 tokens .* asks for 200\.0010.*Stake more"):
        await stage.do(provider, vault.claim(node, units + 1))
    assert await stage.do(provider, vault.claim(node, units)) == [stake_events.CapacityClaimed(who, units)]
    assert await vault.bond_of(node, who) == vault.Bond(200 * UNIT, 0, 0, units, True)
    with pytest.raises(Declined, match="StakeTooLow"):
        await stage.do(provider, vault.unstake(node, 1))
    (left,) = await stage.do(provider, vault.claim(node, 0), vault.unstake(node, 200 * UNIT))
    assert left.ready_at - (await node.block()).timestamp == await vault.delay_s(node) == 21 * DAY_S
    with pytest.raises(Declined, match=r"NothingReady.*Wait until the first part"):
        await stage.do(provider, vault.withdraw(node))
    await stage.pass_time(21 * DAY_S)
    assert await stage.do(provider, vault.withdraw(node)) == [stake_events.StakeWithdrawn(who, 200 * UNIT)]


async def test_an_accusation_is_appealed_ruled_and_executed_in_proportion(stage: Stage) -> None:
    node, provider, delegator = stage.node, await party(stage), await party(stage)
    who = normal(provider.address)
    await stage.do(provider, *vault.stake_for(node, who, 900 * UNIT))
    (backed,) = await stage.do(delegator, *restaking.allocate(node, who, 100 * UNIT))
    assert backed == stake_events.Allocated(who, normal(delegator.address), 100 * UNIT, 100 * UNIT * 10**6)
    now = (await node.block()).timestamp
    what = Accusation(who, SlashReason.INVALID_RESULT, LEASE, now, NOBODY, NOBODY, 0, bytes(32))
    with pytest.raises(Declined, match=r"NotAllowed: .* may not do this"):
        await stage.do(provider, slashing.propose(node, what))
    (proposed,) = [
        said for said in await stage.do(stage.cast.slasher, slashing.propose(node, what)) if "own" in said.__slots__
    ]
    assert (proposed.id, proposed.own, proposed.backing) == (what.id, 450 * UNIT, 50 * UNIT)
    assert (await vault.bond_of(node, who)).locked == 450 * UNIT
    with pytest.raises(Declined, match="KnownOffence"):
        await stage.do(stage.cast.slasher, slashing.propose(node, what))
    bond = await slashing.appeal_bond(node)
    await stage.do(provider, *slashing.appeal(node, what.id, b"\1" * 32, bond))
    assert (await node.proposal_of(what.id)).phase is Phase.APPEALED
    with pytest.raises(Declined, match="WrongPhase: The accusation is appealed"):
        await stage.do(stage.cast.stranger, slashing.execute(node, what.id))
    assert await slashing.offices_of(node, normal(stage.cast.arbiter.address)) == (False, True)
    await stage.do(stage.cast.arbiter, slashing.rule(node, what.id, False, bytes(32)))
    said = await stage.do(stage.cast.stranger, slashing.execute(node, what.id))
    assert stake_events.SlashExecuted(what.id, who, 500 * UNIT, 100 * UNIT) in said
    assert (await vault.bond_of(node, who)).slashable == 450 * UNIT
    held = await restaking.backing_of(node, who, normal(delegator.address))
    assert held.active == 50 * UNIT and held.worth <= 50 * UNIT
    logged = await events_of(node, ("Slashing",), 0, (await node.block()).number, (stake_events.Appealed,))
    assert [each.event.id for each in logged] == [what.id]
    trail = await trail_of(node, what.id)
    assert (trail.proposed, trail.appealed) == (proposed, logged[0].event) and trail.ruled and not trail.ruled.is_upheld


async def test_what_has_arrived_in_a_purse_is_shared_by_anybody(stage: Stage) -> None:
    node, losses = stage.node, [Loss(normal(f"0x{who:040x}"), 3 * UNIT) for who in (0x71C7, 0x71C8)]
    share, place = slashing.share(node, LEASE, losses), purse_of(stage.at.purses, node.deployment.native, LEASE, losses)
    with pytest.raises(Declined, match="NothingHeld: Nothing has arrived in the purse"):
        await stage.do(stage.cast.stranger, share)
    with pytest.raises(Declined, match="WrongList: A list names one to a hundred victims"):
        await stage.do(stage.cast.stranger, slashing.share(node, LEASE, losses[::-1]))
    await wallet.mint_native(node, stage.cast.admin, place, 2 * UNIT)
    said = await stage.do(stage.cast.stranger, share)
    assert said == [Shared(LEASE, loss.victim, place, UNIT, 2 * UNIT) for loss in losses]


async def test_a_period_is_posted_and_each_leaf_is_paid_once(stage: Stage) -> None:
    node, provider = stage.node, await party(stage)
    head = await rewards.head(node)
    await wallet.mint_native(node, stage.cast.admin, stage.at.rewards, head.emission)
    entries = [
        Entry(normal(who), bytes([number]) * 32, Inputs(10**9, 10**9, 10**20))
        for number, who in enumerate((provider.address, stage.cast.stranger.address))
    ]
    period, domain = period_of(1, entries, head.emission, head.terms), rewards.domain_of(node)
    post = rewards.post(node, 1, root_of(domain, period), period.network, period.total, bytes(32))
    await stage.pass_time(7 * DAY_S)
    (posted,) = await stage.do(stage.cast.settler, post)
    with pytest.raises(Declined, match=r"TooSoon: This can be done from \d{4}-\d\d-\d\d"):
        await stage.do(stage.cast.settler, rewards.post(node, 2, bytes(32), 0, 0, bytes(32)))
    assert isinstance(posted, reward_events.PeriodPosted) and posted.total == period.total
    claim = rewards.claim(node, 1, period.leaves[0], prove(domain, period, 0))
    await stage.pass_time(3 * DAY_S)
    assert await stage.do(stage.cast.stranger, claim) == [
        reward_events.RewardPaid(1, normal(provider.address), period.rewards[0])
    ]
    with pytest.raises(Declined, match="AlreadyClaimed"):
        await stage.do(stage.cast.stranger, claim)
    assert await rewards.is_claimed(node, 1, provider.address)
    stands = await rewards.period_of(node, 1)
    assert (stands.root, stands.paid, stands.terms) == (root_of(domain, period), period.rewards[0], head.terms)


async def test_the_breaker_halts_minting_and_never_redeeming(stage: Stage) -> None:
    node, requester = stage.node, await party(stage)
    assert (await treasury.breaker(node)).minting is Minting.NO_PRICE
    with pytest.raises(Declined, match="MintingHalted: No credits are made"):
        await stage.do(requester, *treasury.mint(node, UNIT, 0))
    await stay(stage, 100)
    (minted,) = await stage.do(requester, *treasury.mint(node, 100 * UNIT, 0))
    assert minted.credits == 99_750_000
    stands = await treasury.breaker(node)
    assert (stands.minting, stands.cover_ppm, stands.credits) == (Minting.OPEN, 1_002_506, 99_750_000)
    found = await treasury.price(node)
    assert (found.spot, found.mean) == (10**18, 10**18) and len(found.feeds) == 3
    await stage.say_price(101)
    assert await node.native_price() == 101 * 10**16, "the higher of now and the mean"
    assert await node.native_low() == 10**18, "the lower"
    await stay(stage, 85)
    assert (await treasury.breaker(node)).minting is Minting.UNCOVERED
    with pytest.raises(Declined, match="MintingHalted"):
        await stage.do(requester, *treasury.mint(node, UNIT, 0))
    await stage.say_price(85, *stage.at.feeds[:2], age_s=2 * DAY_S)
    assert (await treasury.price(node)).spot is None and await node.native_price() is None
    assert await node.native_low() is None
    (redeemed,) = await stage.do(requester, treasury.redeem(node, minted.credits, 0))
    assert redeemed.native == 9_975 * UNIT // 100


async def stay(stage: Stage, cents: int) -> None:
    """Have the price be so for the oracle's whole window."""
    for _ in range(8):
        await stage.say_price(cents)
        await stage.do(stage.cast.stranger, treasury.note_price(stage.node))
        await stage.pass_time(300)
    await stage.say_price(cents)


async def test_a_vote_sets_a_parameter_once_it_has_waited(stage: Stage) -> None:
    node, voter = stage.node, await party(stage, tokens=100_000)
    now = await present(node)
    acts = acts_for(node, {"stake.base": 50 * UNIT, "slash.rate.downtime": 100}, now)
    await rehearse(node, acts)
    with pytest.raises(Declined, match=r"InsufficientProposerVotes: .* has 0\.0000 of the 1000\.0000 votes"):
        await stage.do(voter, votes.propose(node, acts, "cheaper"))
    assert (await votes.voter(node, voter.address)).delegate == NOBODY
    await stage.do(voter, votes.delegate(node, voter.address))
    await stage.pass_time(1)
    await stage.do(voter, votes.propose(node, acts, "cheaper"))
    (motion,) = await votes.motions(node)
    assert (motion.id, motion.acts, motion.why) == (votes.motion_id(acts, "cheaper"), tuple(acts), "cheaper")
    others = acts_for(node, {"stake.base": 60 * UNIT}, now)
    await stage.do(voter, votes.propose(node, others, "dearer"))
    _, other = await votes.motions(node)
    with pytest.raises(Declined, match=r"GovernorUnableToCancel: .* cannot take the proposal"):
        await stage.do(stage.cast.stranger, votes.cancel(node, other))
    await stage.do(voter, votes.cancel(node, other))
    assert (await votes.count(node, other)).state is VoteState.CANCELED
    with pytest.raises(Declined, match="is pending"):
        await stage.do(voter, votes.vote(node, motion.id, Side.FOR))
    await stage.pass_time(DAY_S + 1)
    with pytest.raises(Declined, match="GovernorUnableToCancel"):
        await stage.do(voter, votes.cancel(node, motion))
    (cast,) = await stage.do(voter, votes.vote(node, motion.id, Side.FOR, "yes"))
    assert (cast.support, cast.weight, cast.reason) == (Side.FOR, 100_000 * UNIT, "yes")
    with pytest.raises(Declined, match="AlreadyCastVote"):
        await stage.do(voter, votes.vote(node, motion.id, Side.AGAINST))
    await stage.pass_time(3 * DAY_S)
    assert (await votes.count(node, motion)).state is VoteState.SUCCEEDED
    await stage.do(stage.cast.stranger, votes.queue(node, motion))
    stands = await votes.count(node, motion)
    assert (stands.state, stands.votes[Side.FOR]) == (VoteState.QUEUED, 100_000 * UNIT)
    with pytest.raises(Declined, match="still waits in the timelock"):
        await stage.do(stage.cast.stranger, votes.execute(node, motion))
    await stage.pass_time(2 * DAY_S)
    said = await stage.do(stage.cast.stranger, votes.execute(node, motion))
    assert stake_events.RateSet(SlashReason.DOWNTIME, 100) in said
    assert stake_events.TermsSet(50 * UNIT, now["stake.per_unit"]) in said
    assert (await present(node)) == now | {"stake.base": 50 * UNIT, "slash.rate.downtime": 100}
    assert (await votes.count(node, motion)).state is VoteState.EXECUTED
    changes = [change for act in motion.acts for change in read_act(node, act, now) or ()]
    assert {c.parameter.name: c.value for c in changes if c.is_new} == {
        "stake.base": 50 * UNIT,
        "slash.rate.downtime": 100,
    }


async def test_what_no_parameter_is_cannot_be_proposed_and_is_seen_when_others_do(stage: Stage) -> None:
    now = await present(stage.node)
    for wanted in ({"stake.colour": 1}, {"stake.base": 0}, {"gov.quorum": 21}):
        with pytest.raises(Unsettable):
            acts_for(stage.node, wanted, now)
    (act,) = acts_for(stage.node, {"treasury.halt_cover": 1_000_000}, now)
    with pytest.raises(Declined, match="OutOfRange: 1000000 is outside of 850000 to 950000"):
        await rehearse(stage.node, [act])
    theft = call(stage.at.vault, "slash(address,uint256)", stage.cast.provider.address, 1)
    assert read_act(stage.node, theft, now) is None
    assert read_act(stage.node, act._replace(value=1), now) is None


async def test_what_is_not_the_contracts_own_error_stays_as_it_is(stage: Stage) -> None:
    with pytest.raises(Reverted) as refused:
        await stage.as_(NOBODY, call(stage.at.vault, "noSuchFunction()"))
    assert not isinstance(refused.value, Declined)
