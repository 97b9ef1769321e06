"""What stake, backing, slashing and pool of a `Chain` do: one suite for the twin in memory and for the contracts."""

import pytest

from assay.chain import wallet
from assay.chain.encode import encode_call
from assay.chain.errors import Reverted
from assay.chain.events import Compensated
from assay.chain.governed.accusations import Phase, accusation_id
from assay.chain.governed.cover import CoverTerms
from assay.chain.governed.pledge import behind
from assay.chain.governed.stake_events import (
    Appealed,
    BackingSlashed,
    BountyPaid,
    CapacityClaimed,
    Dismissed,
    Refunded,
    SlashExecuted,
    Staked,
    StakeSlashed,
    StakeUnlocked,
    StakeWithdrawn,
    Unstaked,
)
from assay.chain.governed.terms import DAY_S, NATIVE_UNIT
from assay.chain.port import SlashReason
from assay.chain.words import normal
from assay.schema.epoch import StakeBehind

FALSE = {"reason": SlashReason.INVALID_RESULT, "offence": b"lease".ljust(32, b"\0"), "evidence": bytes(32)}


def execute(accusation):
    return encode_call("execute(bytes32)", accusation)


async def back(rig, amount):
    """The stranger backs the provider."""
    at, key = rig.chain.deployment, rig.keys.stranger
    await wallet.mint_native(rig.chain, rig.keys.admin, key.address, amount)
    approve = encode_call("approve(address,uint256)", at.group.restaking, amount)
    await wallet.send(rig.chain, key, at.native, approve)
    call = encode_call("allocate(address,uint256)", rig.keys.provider.address, amount)
    return await wallet.send(rig.chain, key, at.group.restaking, call)


async def appeal(rig, accusation):
    """The provider contests an accusation."""
    at, bond = rig.chain.deployment, 5 * NATIVE_UNIT
    await wallet.mint_native(rig.chain, rig.keys.admin, rig.keys.provider.address, bond)
    await wallet.send(
        rig.chain, rig.keys.provider, at.native, encode_call("approve(address,uint256)", at.group.slashing, bond)
    )
    return await rig.tell(rig.keys.provider, encode_call("appeal(bytes32,bytes32)", accusation, bytes(32)))


async def test_stake_leaves_after_the_delay(rig):
    provider = normal(rig.keys.provider.address)
    assert (await rig.bond()).events == (Staked(provider, 1000),)
    receipt = await wallet.unstake(rig.chain, rig.keys.provider, 400)
    ready_at = (await rig.chain.block(receipt.block_number)).timestamp + 21 * DAY_S
    assert receipt.events == (Unstaked(provider, 400, ready_at),)
    assert (await rig.chain.stake_of(provider), await rig.chain.unbonding_of(provider)) == (600, 400)
    with pytest.raises(Reverted, match="NothingReady"):
        await wallet.withdraw_stake(rig.chain, rig.keys.provider)
    await rig.handles.advance(21 * DAY_S)
    assert (await wallet.withdraw_stake(rig.chain, rig.keys.provider)).events == (StakeWithdrawn(provider, 400),)
    assert await rig.chain.token_balance(rig.chain.deployment.native, provider) == 400


async def test_a_slash_waits_for_an_appeal_and_reaches_stake_that_leaves_and_backing(rig):
    await rig.bond()
    await back(rig, 500)
    provider = normal(rig.keys.provider.address)
    await wallet.unstake(rig.chain, rig.keys.provider, 800)
    accusation = await rig.accuse(**FALSE)
    assert await rig.chain.slash_rate(SlashReason.INVALID_RESULT) == 500_000
    assert await rig.chain.locked_of(provider) == 500
    latest = await rig.chain.block()
    held = {"own": 200, "backing": 500, "locked": 500, "rate_ppm": 500_000, "price": 7}
    assert await behind(rig.chain, provider, latest, 7) == StakeBehind(block=latest.number, **held)
    assert await behind(rig.chain, provider, latest, 0) is None, "nothing says what it is worth"
    with pytest.raises(Reverted, match="TooSoon"):
        await rig.tell(rig.keys.stranger, execute(accusation))
    with pytest.raises(Reverted, match="KnownOffence"):
        await rig.accuse(**FALSE)
    await rig.handles.advance(3 * DAY_S + 1)
    said = (await rig.tell(rig.keys.stranger, execute(accusation))).events
    assert said == (
        StakeUnlocked(accusation, provider, 500),
        StakeSlashed(provider, 500),
        BackingSlashed(provider, 250, 0),
        SlashExecuted(accusation, provider, 750, 150),
    )
    assert (await rig.chain.stake_of(provider), await rig.chain.unbonding_of(provider)) == (0, 500)
    assert (await rig.chain.backing_of(provider), await rig.chain.slashable_of(provider)) == (250, 750)
    assert await rig.chain.pool_balance() == 600
    assert (await rig.chain.proposal_of(accusation)).phase is Phase.EXECUTED


@pytest.mark.parametrize("is_upheld", [True, False])
async def test_an_appeal_is_ruled_on_by_who_does_not_accuse(rig, is_upheld):
    await rig.bond()
    accusation = await rig.accuse(**FALSE)
    assert isinstance((await appeal(rig, accusation)).events[0], Appealed)
    assert (await rig.chain.proposal_of(accusation)).bond == 5 * NATIVE_UNIT
    call = encode_call("rule(bytes32,bool,bytes32)", accusation, int(is_upheld), bytes(32))
    with pytest.raises(Reverted, match="NotAllowed"):
        await rig.tell(rig.keys.slasher, call)
    said = (await rig.tell(rig.keys.arbiter, call)).events
    assert (Dismissed(accusation) in said) is is_upheld
    if not is_upheld:
        await rig.tell(rig.keys.stranger, execute(accusation))
        assert await rig.chain.pool_balance() == 5 * NATIVE_UNIT + 400
    held = await rig.chain.token_balance(rig.chain.deployment.native, rig.keys.provider.address)
    assert held == (5 * NATIVE_UNIT if is_upheld else 0)


async def test_a_claim_asks_for_stake_of_ones_own_beside_what_backs_it(rig):
    provider, key = normal(rig.keys.provider.address), rig.keys.provider
    terms = await rig.chain.cover_terms()
    assert terms == CoverTerms.of(rig.keys.terms.stake) and not await rig.chain.is_covered(provider)
    needed = terms.minimum_for(7)
    await rig.bond(needed // 2)
    with pytest.raises(Reverted, match="StakeTooLow"):
        await wallet.claim_capacity(rig.chain, key, 7)
    await back(rig, needed)
    assert (await wallet.claim_capacity(rig.chain, key, 7)).events == (CapacityClaimed(provider, 7),)
    assert await rig.chain.claim_of(provider) == 7 and await rig.chain.is_covered(provider)
    own = terms.own_for(7, needed)
    assert own == -(-needed // 5), "a fifth has to be own, however much is lent"
    with pytest.raises(Reverted, match="StakeTooLow"):
        await wallet.unstake(rig.chain, key, needed // 2 - own + 1)
    await wallet.unstake(rig.chain, key, needed // 2 - own)
    await rig.accuse(**FALSE)
    await rig.handles.advance(3 * DAY_S + 1)
    await rig.tell(rig.keys.stranger, execute(accusation_id(provider, FALSE["offence"])))
    assert not await rig.chain.is_covered(provider)
    assert (await wallet.claim_capacity(rig.chain, key, 0)).events == (CapacityClaimed(provider, 0),)


async def test_silence_of_the_arbiter_frees(rig):
    await rig.bond()
    accusation = await rig.accuse(**FALSE)
    await appeal(rig, accusation)
    lapse = encode_call("lapse(bytes32)", accusation)
    with pytest.raises(Reverted, match="TooSoon"):
        await rig.tell(rig.keys.stranger, lapse)
    await rig.handles.advance(4 * DAY_S + 1)
    assert Dismissed(accusation) in (await rig.tell(rig.keys.stranger, lapse)).events
    with pytest.raises(Reverted, match="WrongPhase"):
        await rig.tell(rig.keys.stranger, execute(accusation))


async def test_accusers_and_victims_are_paid_out_of_fund_and_pool(rig):
    await rig.bond()
    accuser, victim = normal(rig.keys.stranger.address), normal(rig.keys.requester.address)
    at, admin = rig.chain.deployment, rig.keys.admin
    await wallet.mint_native(rig.chain, admin, admin.address, 1000)
    await wallet.send(rig.chain, admin, at.native, encode_call("approve(address,uint256)", at.group.slashing, 1000))
    await rig.tell(admin, encode_call("fundBounties(uint256)", 1000))
    accusation = await rig.accuse(**FALSE, accuser=accuser, victim=victim, loss=10**18)
    await rig.handles.advance(3 * DAY_S + 1)
    said = (await rig.tell(rig.keys.stranger, execute(accusation))).events
    assert BountyPaid(accusation, accuser, 25) in said and await rig.chain.bounty_fund() == 975
    said = (await rig.tell(rig.keys.stranger, encode_call("refund(bytes32)", accusation))).events
    assert said == (Refunded(accusation, victim, 250, 0), Compensated(victim, 250, FALSE["offence"]))
    with pytest.raises(Reverted, match="NothingDue"):
        await rig.tell(rig.keys.stranger, encode_call("refund(bytes32)", accusation))


async def test_a_stranger_cannot_accuse_and_what_is_too_old_is_nobodys(rig):
    await rig.bond()
    with pytest.raises(Reverted, match="NotAllowed"):
        await rig.accuse(**FALSE, key=rig.keys.settler)
    old = (await rig.chain.block()).timestamp - 7 * DAY_S - 2
    with pytest.raises(Reverted, match="TooLate"):
        await rig.accuse(**FALSE, happened_at=old)


async def test_the_pool_compensates_only_for_its_compensator(rig):
    with pytest.raises(Reverted, match="AccessControlUnauthorizedAccount"):
        await wallet.compensate(rig.chain, rig.keys.slasher, rig.keys.requester.address, 1, bytes(32))
