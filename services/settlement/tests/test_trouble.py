"""What the desk does when the chain is difficult: forgets, is dear, forks, reverts."""

from contextlib import suppress
from typing import Any

import pytest
from services.settlement.tests.auditing import Epoch
from services.settlement.tests.market import ADMIN, GOVERNED, OPERATOR, TERMS, Market, endow, until
from services.settlement.tests.stories import Part, key_of, net_of

from assay.chain.errors import ChainUnreachable, NonceTaken
from assay.chain.memory import MemoryChain
from assay.chain.transaction import sign_transaction
from assay.chain.values import Fees
from assay.schema import Envelope
from assay.settlement import sender, sending
from assay.settlement.ledger import earned

pytestmark = pytest.mark.server
EARNED = net_of(2)
# The operator had put up its bond before.
FIRST = 2


def wanted(market: Market) -> Envelope[Any]:
    """Something that the desk has to send."""
    return Epoch("alpha", 1, [market.story("wanted", (Part("alpha", 1),))]).committed()


async def test_a_forgotten_transaction_is_sent_again_and_takes_effect_once(market: Market) -> None:
    market.chain.is_mining = False
    await market.hear(wanted(market))
    await market.hands().sender.step()
    (attempt,) = await market.rows("select hash from attempts")
    market.chain.drop(bytes(attempt[0]))
    market.chain.is_mining = True
    await market.hands().until_still()
    assert len(await market.said("epoch.anchored")) == 1
    assert [tuple(row) for row in await market.rows("select nonce, state from transactions")] == [(FIRST, "final")]


async def test_a_stuck_nonce_is_offered_again_at_fees_an_eighth_higher(market: Market) -> None:
    market.chain.is_mining = False
    await market.hear(wanted(market))
    hands = market.hands(bump_after_s=0.0)
    await hands.sender.step()

    async def is_bumped() -> bool:
        await hands.sender.step()
        return len(await market.rows("select from attempts")) >= 2

    await until(is_bumped)
    rows = await market.rows("select nonce, max_fee, max_priority from attempts order by max_fee limit 2")
    assert [row[0] for row in rows] == [FIRST, FIRST]
    assert all(later * 8 >= earlier * 9 for earlier, later in zip(rows[0][1:], rows[1][1:], strict=True))
    market.chain.mine()
    await market.hands().until_still()
    assert len(await market.said("epoch.anchored")) == 1


async def test_how_long_a_transaction_is_stuck_shows_though_it_is_offered_again_or_the_chain_is_away(
    market: Market,
) -> None:
    market.chain.is_mining = False
    await market.hear(wanted(market))
    hands = market.hands(bump_after_s=0.0)
    await hands.sender.step()
    assert hands.gauges.under_way.value == 0, "there was none before"
    await market.rows("update transactions set created_ms = created_ms - 1000000")
    await hands.sender.step()
    assert hands.gauges.under_way.value >= 1000
    hands = market.hands(chain=Away(market.chain))
    with suppress(ChainUnreachable):
        await hands.sender.step()
    assert hands.gauges.under_way.value >= 1000
    market.chain.is_mining = True
    market.chain.mine()
    hands = market.hands()
    await hands.until_still()
    await hands.sender.step()
    assert hands.gauges.under_way.value == 0


class Away:
    """A chain whose node answers nothing."""

    def __init__(self, chain: MemoryChain) -> None:
        self.deployment = chain.deployment

    def __getattr__(self, name: str) -> Any:
        async def call(*args: Any) -> Any:
            raise ChainUnreachable("The node is away.")

        return call


async def test_a_nonce_that_somebody_else_used_is_given_up_and_its_intents_travel_anew(
    market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sender, "FOREIGN_S", 0.0)
    market.chain.is_mining = False
    await market.hear(wanted(market))
    hands = market.hands()
    await hands.sender.step()
    fees = Fees(10**12, 10**12)
    foreign = sign_transaction(OPERATOR, FIRST, ADMIN.address, b"", 21_000, fees, market.chain.deployment.chain_id)
    await market.chain.broadcast(foreign.raw)
    market.chain.is_mining = True
    market.chain.mine()
    fresh = market.hands()
    await fresh.rounds(3)
    await market.hands().until_still()
    states = [tuple(row) for row in await market.rows("select nonce, state from transactions order by nonce")]
    assert states == [(FIRST, "void"), (FIRST + 1, "final")]
    assert len(await market.said("epoch.anchored")) == 1


class Late:
    """A chain whose node knows that a nonce is used, and shows no receipts while it is behind."""

    def __init__(self, chain: MemoryChain) -> None:
        self._chain, self.is_behind = chain, False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._chain, name)

    async def receipt(self, tx_hash: bytes) -> Any:
        return None if self.is_behind else await self._chain.receipt(tx_hash)

    async def broadcast(self, raw: bytes) -> bytes:
        if self.is_behind:
            raise NonceTaken("It is used.")
        return await self._chain.broadcast(raw)


@pytest.mark.parametrize("is_mining", [True, False], ids=["its transaction was seen", "the node has taken it"])
async def test_a_nonce_is_doubted_from_anew_once(
    market: Market, monkeypatch: pytest.MonkeyPatch, is_mining: bool
) -> None:
    """A fork drops what had the nonce; later the node shows ours as used a moment before its receipt."""
    monkeypatch.setattr(sender, "FOREIGN_S", 0.0)
    monkeypatch.setattr(sender, "RESEND_S", 0.0)
    market.chain.is_mining = is_mining
    await market.hear(wanted(market))
    chain = Late(market.chain)
    hands = market.hands(chain=chain, confirmations=3)
    await hands.sender.step()
    for chain.is_behind in (True, False, True):
        await hands.sender.step()
    assert [row[0] for row in await market.rows("select state from transactions")] == ["sent"]


async def test_a_nonce_that_a_fork_has_set_free_again_holds_up_nothing_that_follows(
    market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    await test_a_nonce_that_somebody_else_used_is_given_up_and_its_intents_travel_anew(market, monkeypatch)
    market.chain.reorganise(2)
    assert await market.chain.nonce_of(OPERATOR.address) == FIRST
    await market.hands().rounds(8)
    assert await market.rows("select from transactions where state in ('sent', 'void')") == []
    assert len(await market.said("epoch.anchored")) == 1


async def test_fees_are_not_raised_above_the_cap(market: Market) -> None:
    market.chain.is_mining = False
    await market.hear(wanted(market))
    hands = market.hands(bump_after_s=0.0, fee_max_gwei=3)
    for _ in range(4):
        await hands.sender.step()
    assert len(await market.rows("select from attempts")) == 1


async def test_a_reorganisation_above_the_depth_is_not_seen_in_the_books(market: Market) -> None:
    hands = market.hands(confirmations=3)
    await market.hear(wanted(market))
    await hands.rounds(4)
    market.chain.mine()
    assert await market.said("epoch.anchored") == []
    market.chain.reorganise(2)
    for _ in range(5):
        await hands.rounds(4)
        market.chain.mine()
    assert len(await market.said("epoch.anchored")) == 1
    assert len(await market.rows("select from transactions")) == 1
    await hands.rounds(4)
    assert await market.rows("select from transfers where reverses is not null") == []


async def test_a_fork_below_the_depth_is_undone_in_the_books_and_sent_again(market: Market) -> None:
    story = market.story("deep", (Part("alpha", 2),))
    await market.play(story)
    await market.pass_windows()
    market.chain.reorganise(4)
    await market.hands().until_still()
    assert await market.rows("select from transfers where kind = 'Paid' and reverses is not null")
    await market.pass_windows()
    assert await market.account(earned(key_of("alpha").address)) == 0
    await market.check()
    assert await market.earned("alpha") == EARNED
    assert len(await market.said("job.funded")) == len(await market.said("job.settled")) == 1


class Blind:
    """A chain that finds every call good before it is mined."""

    def __init__(self, chain: MemoryChain) -> None:
        self._chain = chain

    def __getattr__(self, name: str) -> Any:
        return getattr(self._chain, name)

    async def estimate(self, sender: str, to: str, data: bytes) -> int:
        return 1


async def test_a_transaction_that_changed_nothing_counts_as_nothing(market: Market) -> None:
    chain = MemoryChain(ADMIN.address, OPERATOR.address, proposer=ADMIN.address, terms=TERMS, governed=GOVERNED)
    await endow(chain)
    market.chain = chain
    await market.play(market.story("reverted", (Part("beta", 1, is_true=False),), "expired"))
    assert await market.said("lease.slashed") == []
    await market.rows("update intents set not_before_ms = 0")
    hands = market.hands(chain=Blind(chain))
    await hands.rounds(2)
    states = await market.rows("select kind, state from transactions order by nonce desc limit 1")
    assert [tuple(row) for row in states] == [("accuse", "failed")]
    assert [row[0] for row in await market.rows("select state from intents where kind = 'accuse'")] == ["pending"]
    assert await market.said("lease.slashed") == []


async def test_one_intent_that_the_contract_would_revert_does_not_hold_up_the_others(market: Market) -> None:
    chain = MemoryChain(ADMIN.address, OPERATOR.address, proposer=ADMIN.address, terms=TERMS, governed=GOVERNED)
    await endow(chain)
    market.chain = chain
    stories = [market.story(f"held {turn}", (Part("beta", 1, is_true=False),), "expired") for turn in range(3)]
    await market.hands().until_still()
    await market.hear(*[story.submitted() for story in stories])
    for story in stories:
        await market.hear_all(story.work())
    await market.hands().until_still()
    assert len(await market.said("job.refunded")) == 3
    await market.check()


FAILED = """
insert into transactions (sender, nonce, kind, target, call, gas, created_ms, state, block)
select sender, nonce + 100, kind, target, call, gas, created_ms, 'failed', block from transactions where kind = 'post'
"""


async def test_what_a_fork_undid_is_wanted_again_whichever_transaction_did_it(market: Market) -> None:
    """One that was given up may be mined after all, and the one sent in its place then fails."""
    await market.play(market.story("fork", (Part("alpha", 1),)))
    async with market.context.store.transaction() as tx:
        await tx.execute(FAILED)
        await tx.execute("update intents set nonce = nonce + 100 where kind = 'post'")
        done = int(await tx.fetchval("select done_block from intents where kind = 'post'"))
        states = []
        for fork in (done, done - 1):
            await sending.reopen(tx, fork)
            states.append(await tx.fetchval("select state from intents where kind = 'post'"))
    assert states == ["done", "sent"]


async def test_what_was_found_done_ahead_of_what_is_followed_is_wanted_again_after_a_fork(market: Market) -> None:
    """The cursor is not there yet when a transaction finds nothing left to do."""
    await market.play(market.story("fork", (Part("alpha", 1),)))
    async with market.context.store.transaction() as tx:
        seen = int(await tx.fetchval("select block from chain_cursor"))
        sql = "update intents set state = 'sent', done_block = null where kind = 'post' returning sender, nonce"
        sender, nonce = await tx.fetchrow(sql)
        await sending.end_idle(tx, sender, nonce, seen + 2)
        await sending.reopen(tx, seen)
        assert await tx.fetchval("select state from intents where kind = 'post'") != "done"
