"""A draw says what stood behind its provider on the chain, at the beacon's block."""

import pytest
from services.verification.tests.court import Court
from services.verification.tests.samples import Work, party

from assay.chain import wallet
from assay.chain.encode import encode_call
from assay.chain.errors import ChainError, ChainUnreachable
from assay.chain.memory import MemoryChain
from assay.proof.keys import Key
from assay.proof.policy import worth_of
from assay.schema.epoch import EpochDrawn, StakeBehind
from assay.schema.values import address_of
from assay.verification.stakes import Stakes

ADMIN = Key.from_hex("44" * 32)
TOKEN = 10**18
DOLLAR = 10**6
SEGMENTS = 40


async def staked(court: Court, number: int, amount: int) -> None:
    """Let a provider have so much stake, which somebody else gave."""
    vault, native = court.chain.deployment.group.vault, court.chain.deployment.native
    await wallet.mint_native(court.chain, ADMIN, ADMIN.address, amount)
    await wallet.send(court.chain, ADMIN, native, encode_call("approve(address,uint256)", vault, amount))
    call = encode_call("stakeFor(address,uint256)", address_of(party("p", number)), amount)
    await wallet.send(court.chain, ADMIN, vault, call)


def governed() -> MemoryChain:
    """A chain on which somebody mints, accuses and rules."""
    return MemoryChain(*[ADMIN.address] * 3)


async def drawn(court: Court, number: int) -> EpochDrawn:
    """The draw of one epoch of a provider."""
    await court.take(Work(number, provider=number, segments=SEGMENTS))
    await court.until_still()
    (said,) = [each for each in await court.said("epoch.drawn") if each.provider == party("p", number)]
    return said


@pytest.mark.server
async def test_a_draw_says_what_stood_behind_the_provider_at_the_beacons_block(court: Court) -> None:
    court.knobs, court.chain = {"draws": None, "native_price": 3 * DOLLAR}, governed()
    await staked(court, 1, 2 * TOKEN)
    said = await drawn(court, 1)
    known = {"own": 2 * TOKEN, "backing": 0, "locked": 0, "rate_ppm": 500_000, "price": 3 * 10**18}
    assert said.stake == StakeBehind(block=said.block, **known)
    assert worth_of(said.stake) == 3 * DOLLAR * 2 // 5, "of half of two tokens at three dollars two fifths"


@pytest.mark.server
async def test_without_a_price_nothing_stands_behind_it(court: Court) -> None:
    court.knobs, court.chain = {"draws": None}, governed()
    await staked(court, 1, 2 * TOKEN)
    assert (await drawn(court, 1)).stake is None


async def test_a_state_that_the_node_has_forgotten_is_not_stated_and_one_that_is_away_is_waited_for() -> None:
    chain = governed()
    stakes, block = Stakes(chain, DOLLAR), await chain.block()
    assert await stakes.behind(party("p", 1), block.number)

    def answering(error: ChainError) -> Stakes:
        class Failing(MemoryChain):
            def at(self, block: object) -> MemoryChain:
                raise error

        return Stakes(Failing(*[ADMIN.address] * 3), DOLLAR)

    assert await answering(ChainError("header not found")).behind(party("p", 1), block.number) is None
    with pytest.raises(ChainUnreachable):
        await answering(ChainUnreachable("away")).behind(party("p", 1), block.number)
