"""What stake and pool of a `Chain` do: one suite for the twin in memory and for the real contracts."""

import pytest

from assay.chain import wallet
from assay.chain.errors import Reverted
from assay.chain.events import (
    Compensated,
    Slashed,
    SlashRefused,
    Staked,
    StakeWithdrawn,
    Unstaked,
)
from assay.chain.port import (
    Slash,
    SlashReason,
)
from assay.chain.words import normal

DAY_S = 24 * 3600
RECEIPT = b"\x0e" * 32
JOB = b"job".ljust(32, b"\0")


async def test_stake_leaves_after_the_delay(rig):
    provider = normal(rig.keys.provider.address)
    assert (await rig.bond()).events == (Staked(provider, 1000),)
    receipt = await wallet.unstake(rig.chain, rig.keys.provider, 400)
    ready_at = (await rig.chain.block(receipt.block_number)).timestamp + 14 * DAY_S
    assert receipt.events == (Unstaked(provider, 400, ready_at),)
    assert (await rig.chain.stake_of(provider), await rig.chain.unbonding_of(provider)) == (600, 400)
    with pytest.raises(Reverted, match="NothingReady"):
        await wallet.withdraw_stake(rig.chain, rig.keys.provider)
    await rig.handles.advance(14 * DAY_S)
    assert (await wallet.withdraw_stake(rig.chain, rig.keys.provider)).events == (StakeWithdrawn(provider, 400),)
    assert await rig.chain.token_balance(rig.chain.deployment.native, provider) == 400


async def test_a_slash_reaches_stake_that_is_leaving(rig):
    await rig.bond()
    provider = normal(rig.keys.provider.address)
    for amount in (300, 300):
        await wallet.unstake(rig.chain, rig.keys.provider, amount)
    receipt = await rig.slash(Slash(provider, 800, SlashReason.WITHHELD_DATA, JOB, 3))
    assert receipt.events == (Slashed(provider, 800, SlashReason.WITHHELD_DATA, JOB, 3),)
    assert (await rig.chain.stake_of(provider), await rig.chain.unbonding_of(provider)) == (0, 200)
    assert await rig.chain.pool_balance() == 800


async def test_an_offence_is_slashed_once_and_never_beyond_the_stake(rig):
    await rig.bond()
    provider = normal(rig.keys.provider.address)
    first, again, more = (Slash(provider, amount, 0, JOB, fence) for amount, fence in ((700, 1), (700, 1), (700, 2)))
    receipt = await rig.slash(first, again, more)
    assert receipt.events == (
        Slashed(provider, 700, 0, JOB, 1),
        SlashRefused(provider, JOB, 1),
        Slashed(provider, 300, 0, JOB, 2),
    )
    assert await rig.chain.pool_balance() == 1000


async def test_a_stranger_cannot_slash(rig):
    await rig.bond()
    with pytest.raises(Reverted, match="AccessControlUnauthorizedAccount"):
        await rig.slash(Slash(rig.keys.provider.address, 1, 0, JOB, 1), key=rig.keys.settler)


async def test_the_pool_compensates(rig):
    await rig.bond()
    await rig.slash(Slash(rig.keys.provider.address, 500, 0, JOB, 1))
    requester = normal(rig.keys.requester.address)
    receipt = await wallet.compensate(rig.chain, rig.keys.settler, requester, 200, JOB)
    assert receipt.events == (Compensated(requester, 200, JOB),)
    assert await rig.chain.pool_balance() == 300
    with pytest.raises(Reverted, match="AccessControlUnauthorizedAccount"):
        await wallet.compensate(rig.chain, rig.keys.slasher, requester, 1, JOB)
