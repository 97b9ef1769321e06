"""What `pledged` says one more accusation would take is what the contracts' twin has it take."""

import asyncio

from hypothesis import given, settings
from hypothesis import strategies as some

from assay.chain import wallet
from assay.chain.encode import encode_call
from assay.chain.errors import Reverted
from assay.chain.governed.accusations import Accusation, accusation_id, encode_propose
from assay.chain.governed.pledge import behind
from assay.chain.governed.stake_events import SlashExecuted
from assay.chain.governed.terms import DAY_S, NOBODY
from assay.chain.memory import MemoryChain
from assay.chain.port import SlashReason
from assay.proof.keys import Key
from assay.proof.policy import pledged

ADMIN, PROVIDER, DELEGATOR = (Key.from_hex(f"{number:064x}") for number in (1, 2, 3))
FIRST, SECOND = (name.ljust(32, b"\0") for name in (b"first", b"second"))
amounts = some.one_of(some.integers(0, 1_000), some.integers(0, 10**24))


async def stand(own: int, backing: int) -> MemoryChain:
    """A chain on which the provider has so much of its own and so much backing."""
    chain = MemoryChain(*[ADMIN.address] * 3)
    if own:
        await wallet.mint_native(chain, ADMIN, PROVIDER.address, own)
        await wallet.stake(chain, PROVIDER, own)
    if backing:
        at = chain.deployment
        await wallet.mint_native(chain, ADMIN, DELEGATOR.address, backing)
        approve = encode_call("approve(address,uint256)", at.group.restaking, backing)
        await wallet.send(chain, DELEGATOR, at.native, approve)
        call = encode_call("allocate(address,uint256)", PROVIDER.address, backing)
        await wallet.send(chain, DELEGATOR, at.group.restaking, call)
    return chain


async def accuse(chain: MemoryChain, reason: SlashReason, offence: bytes) -> bool:
    """Whether there was something to accuse the provider for."""
    now_s = (await chain.block()).timestamp
    said = Accusation(PROVIDER.address, reason, offence, now_s, NOBODY, NOBODY, 0, bytes(32))
    try:
        await wallet.send(chain, ADMIN, chain.deployment.group.slashing, encode_propose(said))
    except Reverted as error:
        assert "NothingAtStake" in str(error)
        return False
    return True


async def execute(chain: MemoryChain, offence: bytes) -> int:
    """What an accusation took, in native units."""
    call = encode_call("execute(bytes32)", accusation_id(PROVIDER.address, offence))
    said = (await wallet.send(chain, ADMIN, chain.deployment.group.slashing, call)).events
    (taken,) = [each.taken for each in said if isinstance(each, SlashExecuted)]
    return taken


async def compare(own: int, backing: int, other: SlashReason | None, leaving: int) -> tuple[int, int]:
    """What was foretold while the other accusation was open, and what was taken when both were executed in turn."""
    chain = await stand(own, backing)
    if leaving:
        await wallet.unstake(chain, PROVIDER, leaving)
    is_open = other is not None and await accuse(chain, other, FIRST)
    stake = await behind(chain, PROVIDER.address, await chain.block(), 1)
    assert stake is not None and (stake.own, stake.backing) == (own - leaving, backing)
    is_made = await accuse(chain, SlashReason.INVALID_RESULT, SECOND)
    chain.advance(3 * DAY_S + 1)
    chain.mine()
    if is_open:
        await execute(chain, FIRST)
    return pledged(stake), await execute(chain, SECOND) if is_made else 0


@settings(max_examples=100, deadline=None)
@given(amounts.filter(bool), amounts)
def test_alone_an_accusation_takes_what_is_pledged(own: int, backing: int) -> None:
    foretold, taken = asyncio.run(compare(own, backing, None, 0))
    assert foretold == taken


@settings(max_examples=200, deadline=None)
@given(amounts.filter(bool), amounts, some.sampled_from(SlashReason))
def test_the_second_of_two_accusations_takes_what_is_pledged_but_for_rounding(
    own: int, backing: int, other: SlashReason
) -> None:
    foretold, taken = asyncio.run(compare(own, backing, other, 0))
    # A lock is a whole number of base units: it tells how much of backing goes with it to so many.
    assert foretold <= taken <= foretold + backing // own + 2


@settings(max_examples=100, deadline=None)
@given(amounts, amounts, some.sampled_from(SlashReason), some.data())
def test_stake_that_leaves_is_not_counted_on(own: int, backing: int, other: SlashReason, data: some.DataObject) -> None:
    leaving = data.draw(some.integers(0, own))
    foretold, taken = asyncio.run(compare(own, backing, other, leaving))
    assert foretold <= taken + 1, "but for one base unit of rounding"
