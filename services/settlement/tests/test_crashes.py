"""Wherever a process ends, the next one ends where one that never ended would have: each payment happens once."""

from dataclasses import dataclass
from typing import Any, Self

import pytest
from hypothesis import settings
from services.settlement.tests.auditing import FEE, upheld
from services.settlement.tests.crashing import Crash, Fuse
from services.settlement.tests.market import (
    ADMIN,
    OPERATOR,
    PEOPLE,
    STAKE,
    TERMS,
    Market,
    endow_operator,
    pass_time,
)
from services.settlement.tests.stories import Part, key_of, net_of

from assay.chain import wallet
from assay.schema import Envelope
from assay.schema.values import derive_id
from assay.settlement import credits

pytestmark = pytest.mark.server
NEVER = 10**9
# By night a process ends after each number of writes.
EVERY = 9 if settings().max_examples <= 100 else 1
ONCE = ("job.funded", "job.refunded", "lease.paid", "lease.slashed", "audit.paid")


@dataclass
class Told:
    """What is to be heard of a job and an audit: each comes again until a process has lived to acknowledge it."""

    before: list[Envelope[Any]]
    after: list[Envelope[Any]]

    @classmethod
    def of(cls, market: Market, name: str) -> Self:
        story = market.story(name, (Part("alpha", 1), Part("beta", 1, is_true=False)))
        return cls([story.submitted(), upheld(name, "gamma")], story.work())


async def live(market: Market, told: Told) -> None:
    """A process, until all of a job's money has come to rest: told, held, charged, posted, final and paid."""
    for left in (told.before, told.after):
        for envelope in list(left):
            assert await market.hear(envelope) == []
            left.remove(envelope)
        await until_still(market)
    await pass_time(market.chain, TERMS.windows.window_s + 2)
    await until_still(market)


async def until_still(market: Market) -> None:
    """The desk works until it has nothing to do, a block coming before each of its rounds."""
    hands, turns = market.hands(confirmations=2), 0
    parts = (hands.closer.step, hands.teller.step, hands.bailiff.step, hands.sender.step, hands.herald.step)
    has_moved = True
    while has_moved or await hands.is_waiting():
        await pass_time(market.chain, 0)
        await hands.follower.advance()
        has_moved = any([await step() for step in parts])
        turns += 1
        assert turns < 100, "the desk never comes to rest"


async def state(market: Market) -> dict[str, int]:
    """What everybody has, in the ledger and in hand: of what pays, for each slash takes a share of what is left."""
    rows = await market.rows("select account, balance from accounts where asset = 'stable'")
    stable, people = market.chain.deployment.stable, {name: key_of(name).address for name in PEOPLE}
    people["operator"] = OPERATOR.address
    return {account: int(balance) for account, balance in rows} | {
        f"{name} in hand": await market.chain.token_balance(stable, address) for name, address in people.items()
    }


async def change(market: Market, name: str, *fuses: Fuse) -> dict[str, int]:
    """What everybody has more after a story in which one process after another ended by these fuses."""
    before, told = await state(market), Told.of(market, name)
    for fuse in fuses:
        try:
            await live(market.crashing(fuse), told)
        except Crash:
            continue
        break
    else:
        await live(market, told)
    after = await state(market)
    said = [each["type"] for each in await market.said(*ONCE) if is_of(name, each)]
    assert sorted(said) == sorted(ONCE)
    return {key: after[key] - before.get(key, 0) for key in after if after[key] != before.get(key, 0)}


def is_of(name: str, said: dict[str, Any]) -> bool:
    return derive_id("j", name) == said.get("job_id") or derive_id("a", name) == said.get("audit_id")


async def test_a_process_may_end_after_any_write_of_a_jobs_whole_way(market: Market) -> None:
    await endow_operator(market.chain, 10**6)
    await wallet.mint_native(market.chain, ADMIN, key_of("beta").address, 9 * STAKE)
    await wallet.stake(market.chain, key_of("beta"), 9 * STAKE)
    market.chain.is_mining = False
    await change(market, "first")  # Everybody gets a place in the tree.
    for _ in range(credits.FINAL_BLOCKS):
        market.chain.mine()
    await until_still(market)  # What was deposited and staked becomes no surer while writes are counted.
    whole = Fuse(NEVER)
    expected = await change(market, "whole", whole)
    assert expected["alpha in hand"] == net_of(1) and expected["gamma in hand"] == FEE
    assert whole.passed > 20
    # Each has a block to take in and does again what the one before did last, so only those that live longer come on.
    short = [Fuse(1 + turn % 4) for turn in range(3 * whole.passed)]
    assert await change(market, "after each", *short) == expected
    assert whole.passed <= sum(fuse.passed for fuse in short) and short[-1].passed == 0, "it came to its end"
    for writes in range(0, whole.passed, EVERY):
        fuse = Fuse(writes)
        assert await change(market, f"after {writes}", fuse) == expected and fuse.passed == writes
    slashes = await market.said("slash.executed")
    assert len(slashes) == len(await market.said("lease.slashed"))
    assert await market.chain.pool_balance() == sum(slash["amount"] - slash["burned"] for slash in slashes)
    nonces = [row[0] for row in await market.rows("select nonce from transactions order by nonce")]
    assert nonces == list(range(nonces[0], nonces[0] + len(nonces)))
    assert await market.rows("select from transactions where state <> 'final'") == []
    assert await market.rows("select from transfers where reverses is not null") == []
    await market.check()
