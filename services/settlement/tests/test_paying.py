"""What jobs may cost is held, charged and given back once each, and epochs are what the steps of these charges make."""

from collections.abc import Sequence
from dataclasses import replace

import asyncpg
import pytest
from services.settlement.tests.market import ADMIN, OPERATOR, Market
from services.settlement.tests.stories import key_of

from assay.chain import wallet
from assay.chain.payment import encode
from assay.chain.payment.events import Finalised, Paid
from assay.chain.values import Block
from assay.chain.words import normal
from assay.proof.eip712 import Domain
from assay.proof.settlement import Payout, Settlement
from assay.proof.settlement_epoch import Book, build
from assay.schema.values import job_word
from assay.settlement import books
from assay.settlement.docket import Log
from assay.settlement.ledger import Asset, Entry, Transfer, earned, hold, move
from assay.settlement.ledger import deposit as deposit_of
from assay.settlement.paying import epochs, holds, tree
from assay.settlement.paying.closing import Limits, Waiting, is_due
from assay.store import Transaction

pytestmark = pytest.mark.server

REQUESTER, ALPHA, BETA = (key_of(name).address.lower() for name in ("requester", "alpha", "beta"))
DOMAIN = Domain(31337, "0x" + "5a" * 20)
DAY_S = 24 * 3600


def job(turn: int) -> str:
    return f"{'j' * 24}{turn:03d}"


def settlement(turn: int, *amounts: int, fee: int = 0, whom: str = ALPHA) -> Settlement:
    return Settlement(job_word(job(turn)), REQUESTER, tuple(Payout(whom, each, fee) for each in amounts), b"\5" * 32)


async def deposit(tx: Transaction, amount: int, turn: int = 0) -> None:
    await books.begin(tx, Block(0, b"\1" * 32, b"\0" * 32, 0))
    entries = move(Asset.STABLE, amount, "outside", deposit_of(REQUESTER))
    await books.post(tx, [Transfer("0x" + "ab" * 32 + f":{turn}", "Deposited", 1, entries)])


async def enlist(tx: Transaction, *accounts: str) -> None:
    for index, account in enumerate(accounts or (REQUESTER, ALPHA, BETA), 1):
        await tree.place(tx, account, index)


async def run(tx: Transaction, *jobs: Settlement, held: int = 400) -> None:
    """Holds and charges jobs."""
    for each in jobs:
        name = each.job.rstrip(b"\0").decode()
        assert await holds.take(tx, name, REQUESTER, held)
        await holds.charge(tx, each, 1000)


async def test_no_more_is_held_than_is_there_and_not_announced_for_withdrawal(market: Market) -> None:
    async with market.context.store.transaction() as tx:
        await deposit(tx, 1000)
        assert await holds.take(tx, job(1), REQUESTER, 600)
        assert not await holds.take(tx, job(2), REQUESTER, 401)
        await tx.execute("insert into exits (requester, amount, cutoff, block) values ($1, 100, 0, 1)", REQUESTER)
        assert await holds.free(tx, REQUESTER) == 300
        assert not await holds.take(tx, job(2), REQUESTER, 301)
        assert await holds.take(tx, job(2), REQUESTER, 300)
        assert await holds.give_back(tx, job(1)) == 600
        assert await holds.give_back(tx, job(1)) == 0
    assert await balances(market) == {deposit_of(REQUESTER): 700, hold(job(2)): 300}


async def test_a_charge_pays_what_was_earned_and_gives_the_rest_back(market: Market) -> None:
    async with market.context.store.transaction() as tx:
        await deposit(tx, 1000)
        assert await holds.take(tx, job(1), REQUESTER, 500)
        assert await holds.charge(tx, settlement(1, 190, 95, fee=5), 1000) == 205
    assert await balances(market) == {deposit_of(REQUESTER): 705, earned(ALPHA): 285, "fees": 10}
    rows = await market.rows("select position, part, amount, fee, spent from steps order by position")
    assert [tuple(map(int, row)) for row in rows] == [(1, 0, 190, 5, 195), (2, 1, 95, 5, 295)]


async def balances(market: Market) -> dict[str, int]:
    rows = await market.rows("select account, balance from accounts where balance <> 0 and account <> 'outside'")
    return {row[0]: int(row[1]) for row in rows}


DECISIONS = {
    "held twice": [("hold", 1, [(deposit_of(REQUESTER), -5), (hold(job(1)), 5)])],
    "held for another": [("hold", 2, [(deposit_of(REQUESTER), -5), (hold(job(1)), 5)])],
    "charged to no steps": [("charge", 1, [(hold(job(1)), -400), (earned(ALPHA), 400)])],
    "given to another": [("release", 1, [(hold(job(1)), -400), (deposit_of(ALPHA), 400)])],
    "given back in part": [("release", 1, [(hold(job(1)), -5), (deposit_of(REQUESTER), 5)])],
    "paid out of a deposit": [("charge", 1, [(deposit_of(REQUESTER), -5), (earned(ALPHA), 5)])],
    "given back twice": [
        ("release", 1, [(hold(job(1)), -400), (deposit_of(REQUESTER), 400)]),
        ("release", 1, [(hold(job(1)), -400), (deposit_of(REQUESTER), 400)]),
    ],
    "given back without a hold": [("release", 3, [(deposit_of(REQUESTER), -5), (deposit_of(ALPHA), 5)])],
}


async def test_the_database_refuses_decisions_that_are_none(market: Market) -> None:
    async with market.context.store.transaction() as tx:
        await deposit(tx, 1000)
        assert await holds.take(tx, job(1), REQUESTER, 400)
    for name, decisions in DECISIONS.items():
        with pytest.raises(asyncpg.IntegrityConstraintViolationError):
            async with market.context.store.transaction() as tx:
                await decide(tx, decisions)
            pytest.fail(name)
    assert await balances(market) == {deposit_of(REQUESTER): 600, hold(job(1)): 400}


async def decide(tx: Transaction, decisions: Sequence[tuple[str, int, list[tuple[str, int]]]]) -> None:
    for decision, turn, lines in decisions:
        entries = tuple(Entry(account, Asset.STABLE, amount) for account, amount in lines)
        await books.post(tx, [Transfer(f"{decision}:{job(turn)}", "x", None, entries)])


STEPS = "insert into steps (job_id, part, requester, provider, amount, fee, spent, receipt_digest, at_ms) values "
WRONG = [
    f"{STEPS} ('{job(1)}', 1, '{REQUESTER}', '{ALPHA}', 5, 0, 105, '{{0}}', 0)",
    f"{STEPS} ('{job(9)}', 0, '{REQUESTER}', '{ALPHA}', 5, 0, 5, '{{0}}', 0)",
    f"{STEPS} ('{job(9)}', 0, '{REQUESTER}', '{ALPHA}', 19, 2, 21, '{{0}}', 0)",
    f"{STEPS} ('{job(9)}', 0, '{REQUESTER}', '{ALPHA}', 5, 0, 6, '{{0}}', 0)",
    "update steps set amount = 1",
    "delete from steps",
    "update steps_head set position = 7",
    "update book_head set position = 3",
    "update book_head set position = 0",
    "insert into book_sums values ('{1}', 1, 1, 1)",
    "delete from book_head",
    "insert into payments (number, first_step, steps, steps_root, root, credits, debits) "
    "values (1, 1, 1, '{0}', '{0}', 100, 101)",
    "insert into payments (number, first_step, steps, steps_root, root, credits, debits) "
    "values (2, 1, 1, '{0}', '{0}', 100, 100)",
    "insert into payments (number, first_step, steps, steps_root, root, credits, debits) "
    "values (1, 1, 2, '{0}', '{0}', 100, 100)",
]


async def test_the_database_refuses_steps_and_epochs_that_the_ledger_does_not_say(market: Market) -> None:
    async with market.context.store.transaction() as tx:
        await deposit(tx, 1000)
        await run(tx, settlement(1, 100))
    for change in WRONG:
        with pytest.raises(asyncpg.IntegrityConstraintViolationError):
            await market.rows(change.replace("{0}", "\\x" + "00" * 32).replace("{1}", ALPHA))
            pytest.fail(change)


async def test_an_epoch_takes_whole_jobs_and_goes_its_course(market: Market) -> None:
    store = market.context.store
    async with store.transaction() as tx:
        await deposit(tx, 4000)
        await enlist(tx)
        await run(tx, settlement(1, 100, 50), settlement(2, 20, whom=BETA), settlement(3, 7))
        assert await epochs.waiting(tx) == Waiting(4, 177, 1000)
        first = await epochs.close(tx, DOMAIN, 1)
        second = await epochs.close(tx, DOMAIN, 10)
        assert first is not None and second is not None and await epochs.close(tx, DOMAIN, 10) is None
        assert ([len(each.epoch.steps) for each in (first, second)], second.after.state[1:]) == ([2, 2], (177, 177))
        assert await epochs.waiting(tx) == Waiting(0, 0, 0)
    for sql in ("update payments set state = 'final'", "update payments set credits = 0", "delete from payments"):
        with pytest.raises(asyncpg.IntegrityConstraintViolationError):
            await market.rows(sql)
    async with store.transaction() as tx:
        await epochs.mark_void(tx, 2, "unanswered")
        again = await epochs.close(tx, DOMAIN, 10)
        assert again is not None and again.epoch == second.epoch
        (closed,) = await epochs.standing(tx, [2])
        before, epoch, after = await epochs.rebuilt(tx, DOMAIN, closed)
        assert (before.state, epoch, after.state) == (first.after.state, second.epoch, second.after.state)
        assert (await epochs.book_after(tx, DOMAIN, closed)).state == after.state


async def test_the_kept_book_with_the_steps_since_is_that_of_all_steps_also_after_a_fork(market: Market) -> None:
    jobs = [settlement(turn, turn * 7, turn % 3, fee=0, whom=(ALPHA, BETA)[turn % 2]) for turn in range(1, 9)]
    async with market.context.store.transaction() as tx:
        await deposit(tx, 4000)
        await enlist(tx)
        await run(tx, *jobs)
        closed = [await epochs.close(tx, DOMAIN, 3) for _ in range(4)]
        for number in range(1, 5):
            posted = "state = 'posted', posted_at = 1, poster = $2, posted_block = $1"
            await tx.execute(f"update payments set {posted} where number = $1", number, ALPHA)
        assert await tx.fetchval("select position from book_head") == 1
        await same_as_replayed(tx, jobs)
        await epochs.mark_final(tx, 3, 9)
        assert await tx.fetchval("select position from book_head") == 13
        assert await same_as_replayed(tx, jobs) > 10
    async with market.context.store.transaction() as tx:
        await epochs.undo(tx, 1)
        await tx.execute("update places set place = 9 where account = $1", BETA)
        await same_as_replayed(tx, jobs)
        await tx.execute("update places set place = 3 where account = $1", BETA)
        await epochs.mark_void(tx, 2, "unanswered")
        again = [await epochs.close(tx, DOMAIN, 3) for _ in range(3)]
        assert [each and each.epoch for each in again] == [each and each.epoch for each in closed[1:]]
        await same_as_replayed(tx, jobs)


async def same_as_replayed(tx: Transaction, jobs: Sequence[Settlement]) -> int:
    """At how many steps the book was found to be that of all steps before, bit for bit."""
    places = {row[0]: row[1] for row in await tx.fetch("select account, place from places")}
    whole, step = Book(DOMAIN, places), 1
    for each in jobs:
        book = await tree.book_before(tx, DOMAIN, step)
        assert (book.state, book.sums) == (whole.state, whole.sums)
        assert [book.leaf(account) for account in places] == [whole.leaf(account) for account in places]
        _, whole = build(whole, 1, [each])
        step += len(each.payouts)
    assert (await tree.book_before(tx, DOMAIN, step)).state == whole.state
    return step


async def test_an_epoch_ends_before_somebody_who_has_no_place_yet(market: Market) -> None:
    async with market.context.store.transaction() as tx:
        await deposit(tx, 4000)
        await enlist(tx, REQUESTER, ALPHA)
        await run(tx, settlement(1, 100), settlement(2, 20, whom=BETA), settlement(3, 7))
        first = await epochs.close(tx, DOMAIN, 10)
        assert first is not None and len(first.epoch.steps) == 1
        assert await epochs.close(tx, DOMAIN, 10) is None and await epochs.lacking_places(tx) == [BETA]
        await tree.place(tx, BETA, 3)
        second = await epochs.close(tx, DOMAIN, 10)
        assert second is not None and len(second.epoch.steps) == 2


async def test_what_is_closed_is_posted_paid_and_known_as_final(market: Market) -> None:
    chain, store = market.chain, market.context.store
    domain = chain.deployment.domain
    await wallet.mint_stable(chain, ADMIN, ADMIN.address, 1000)
    await wallet.deposit_for(chain, ADMIN, REQUESTER, 1000)
    async with store.transaction() as tx:
        await deposit(tx, 1000)
        await run(tx, settlement(1, 190, fee=10), settlement(2, 60, whom=BETA))
        assert await epochs.lacking_places(tx) == sorted([REQUESTER, ALPHA, BETA])
        for account in (REQUESTER, ALPHA, BETA):
            await tree.place(tx, account, (await chain.account_of(account)).index)
        closed = await epochs.close(tx, domain, 10)
    assert closed is not None
    _, epoch, after = closed
    target = chain.deployment.payment
    receipt = await wallet.send(
        chain,
        OPERATOR,
        target,
        encode.encode_post(epoch.number, epoch.state, epoch.steps_root, len(epoch.steps)),
    )
    posted = receipt.events[0].epoch
    async with store.transaction() as tx:
        log = Log(receipt.events[0], "0x" + "ab" * 32, 0, 7, True, 21_000)
        assert await epochs.mark_posted(tx, replace(posted, steps=9), log) is None
        assert await epochs.mark_posted(tx, posted, log) == 1
        known = await epochs.last(tx, "posted")
        assert known is not None and known.posted.state == posted.state
    chain.advance(DAY_S + 1)
    pay = encode.encode_pay(known.posted, [after.leaf(account) for account in (ALPHA, BETA)])
    receipt = await wallet.send(chain, OPERATOR, target, pay)
    assert receipt.events == (Finalised(1), Paid(normal(ALPHA), 190, 190), Paid(normal(BETA), 60, 60))
    async with store.transaction() as tx:
        await epochs.mark_final(tx, 1, 8)
        assert await epochs.last(tx, "closed", "posted") is None
        (final,) = await epochs.standing(tx, [1])
        assert final.state == "final"


@pytest.mark.parametrize(
    ("waiting", "due"),
    [
        (Waiting(0, 0, 0), False),
        (Waiting(1, 5, 9_000), False),
        (Waiting(1, 5, 0), True),
        (Waiting(10, 5, 9_999), True),
        (Waiting(1, 100, 9_999), True),
    ],
)
def test_an_epoch_closes_on_size_value_or_age(waiting: Waiting, due: bool) -> None:
    assert is_due(waiting, Limits(steps=10, value=100, age_s=10.0), 10_000) is due


async def test_ledger_and_chain_agree_on_deposits_of_which_some_is_held(market: Market) -> None:
    hands = market.hands()
    await hands.until_still()
    async with market.context.store.transaction() as tx:
        assert await holds.take(tx, job(1), REQUESTER, 400)
        await holds.charge(tx, settlement(1, 190, fee=10), 1000)
        assert await holds.take(tx, job(2), REQUESTER, 800)
    while not await hands.reconciler.step():
        pass
    assert hands.gauges.drift.value == 0
    drifts = dict(await market.rows("select account, drift from checks where account like '%:%'"))
    assert not any(drifts.values()) and {earned(ALPHA), deposit_of(REQUESTER)} <= set(drifts)
    assert hold(job(2)) not in drifts, "the chain says nothing of it: the database itself does"
    async with market.context.store.transaction() as tx:
        await deposit(tx, 7, turn=9)
    while not await hands.reconciler.step():
        pass
    assert hands.gauges.drift.value == 7 + 7, "the account, and what the contracts hold for all"
