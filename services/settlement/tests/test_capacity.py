"""A provider whose answer to a challenge was refuted is accused of false capacity, once, and may be spared."""

from typing import Any

import pytest
from services.settlement.tests.auditing import said
from services.settlement.tests.market import STAKE, Market
from services.settlement.tests.stories import key_of, provider_of

from assay.schema import Envelope
from assay.schema.challenge import ChallengeRefuted, FalseRow
from assay.schema.lease import SlashReason
from assay.schema.values import derive_id

pytestmark = pytest.mark.server


def refuted(number: int, name: str) -> Envelope[Any]:
    row = FalseRow(part=0, row=1, claimed="0000", found="1111")
    drawn = {"block": number, "drawn_block": number + 2, "drawn_hash": "a" * 64, "answer": "e"}
    challenge_id = derive_id("h", number)
    return said(ChallengeRefuted(challenge_id=challenge_id, provider=provider_of(name), **drawn, rows=(row, row)))


async def test_a_refuted_answer_costs_half_of_the_stake_once(market: Market) -> None:
    await market.hands().until_still()
    twice = refuted(1, "beta")
    await market.hear_all([twice, twice])
    await market.hands().until_still()
    (slashed,) = await market.said("challenge.slashed")
    assert (slashed["provider"], slashed["challenge_id"]) == (provider_of("beta"), derive_id("h", 1))
    assert (slashed["amount"], slashed["reason"]) == (STAKE // 2, SlashReason.FALSE_CAPACITY)
    assert await market.chain.stake_of(key_of("beta").address) == STAKE - STAKE // 2
    await market.check()


async def test_whoever_has_nothing_at_stake_is_spared(market: Market) -> None:
    await market.hands().until_still()
    await market.hear_all([refuted(number, "beta") for number in (1, 2)])
    await market.hands().until_still()
    assert await market.chain.stake_of(key_of("beta").address) == 0
    await market.hear_all([refuted(3, "beta")])
    await market.hands().until_still()
    await market.rows("update intents set not_before_ms = 1 where state = 'pending'")
    await market.hands().until_still()
    (spared,) = await market.said("challenge.spared")
    assert (spared["provider"], spared["code"]) == (provider_of("beta"), "slash.nothing")
    await market.check()
