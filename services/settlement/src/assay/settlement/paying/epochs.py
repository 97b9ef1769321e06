"""The SQL of the epochs of Payment, closed from steps in their order, posted, final, or void."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import takewhile
from typing import Any, NamedTuple

from assay.proof.eip712 import Domain
from assay.proof.settlement import Posted, epoch_digest
from assay.proof.settlement_epoch import Book, Epoch, build
from assay.proof.settlement_tree import Node
from assay.settlement.docket import Log
from assay.settlement.paying.closing import Waiting
from assay.settlement.paying.tree import book_before, parties_of, settlements
from assay.store import Transaction

KEEP_BOOK = """
update book_head set position = final.until from (
    select first_step + steps as until from payments where state = 'final' order by number desc limit 1
) final where position < final.until
"""
NEXT = """
select number + 1, first_step + steps from payments where state <> 'void'
union all select 1, 1 order by 1 desc limit 1
"""
OPEN = """
position >= coalesce(
    (select first_step + steps from payments where state <> 'void' order by first_step desc limit 1), 1
)
"""
WAITING = f"""
select count(*), coalesce(sum(amount + fee), 0), coalesce(min(at_ms), 0) from steps where {OPEN}
"""
HAS_WORK = f"""
select exists (select from steps where {OPEN}) or exists (select from demands) or exists (
    select from payments where state = 'closed' or state = 'posted' and posted_at < $1
)
"""
LACKING = f"""
select distinct account from steps, unnest(array[requester, provider]) as account
where {OPEN} and not exists (select from places where places.account = account.account) order by account
"""
# Parts of one job stay together.
UNTIL = """
select coalesce(min(position), (select position + 1 from steps_head)) from steps where position >= $1 and part = 0
"""
CLOSE = """
insert into payments (number, first_step, steps, steps_root, root, credits, debits)
values ($1, $2, $3, $4, $5, $6, $7)
"""
STANDING = """
select id, number, first_step, steps, steps_root, root, credits, debits, state, posted_at, poster from payments
where state <> 'void' and number = any($1::bigint[]) order by number
"""
DEMANDED = "select exists (select from demands where epoch = $1)"
LAST = "select number from payments where state = any($1::text[]) order by number desc limit 1"


@dataclass(frozen=True, slots=True)
class Payment:
    """An epoch that stands: its place among the steps, what is posted of it, and whether it was."""

    row: int
    number: int
    first_step: int
    steps: int
    steps_root: bytes
    root: Node
    state: str
    posted_at: int | None
    poster: str | None

    @property
    def posted(self) -> Posted:
        """The epoch as the chain knows it."""
        assert self.posted_at is not None and self.poster is not None
        return Posted(self.number, self.posted_at, self.poster, self.steps, self.steps_root, self.root)


class Built(NamedTuple):
    """An epoch with all its steps, between the books before and after it."""

    before: Book
    epoch: Epoch
    after: Book


async def has_work(tx: Transaction, ripe_s: int) -> bool:
    """Whether a step waits, an epoch is to be posted or was posted before `ripe_s`, or anything is demanded."""
    return bool(await tx.fetchval(HAS_WORK, ripe_s))


async def lacking_places(tx: Transaction) -> list[str]:
    """The accounts that stand in steps and have no place in the tree; those of closed epochs have one."""
    return [row[0] for row in await tx.fetch(LACKING)]


async def waiting(tx: Transaction) -> Waiting:
    """The steps that stand in no epoch yet."""
    row = await tx.fetchrow(WAITING)
    assert row is not None
    return Waiting(int(row[0]), int(row[1]), int(row[2]))


async def close(tx: Transaction, domain: Domain, steps_max: int) -> Built | None:
    """The next epoch, of `steps_max` steps or those of one job more; None if no step waits.

    It ends before the first job of which somebody has no place in the tree yet: that one may have come just now.
    """
    await lock(tx)
    row = await tx.fetchrow(NEXT)
    assert row is not None
    number, first = int(row[0]), int(row[1])
    end = int(await tx.fetchval(UNTIL, first + steps_max))
    found = await settlements(tx, first, end)
    before = await book_before(tx, domain, first)
    jobs = list(takewhile(lambda job: parties_of(job) <= before.places.keys(), found))
    if not jobs:
        return None
    epoch, after = build(before, number, jobs)
    money = (Decimal(epoch.state.credits), Decimal(epoch.state.debits))
    await tx.execute(CLOSE, number, first, len(epoch.steps), epoch.steps_root, epoch.state.hash, *money)
    return Built(before, epoch, after)


async def lock(tx: Transaction) -> None:
    """Nobody else closes or reopens an epoch until the transaction ends."""
    await tx.execute("lock table payments in share row exclusive mode")


async def reopen(tx: Transaction, number: int) -> None:
    """What was closed from this epoch on, and not posted, waits again."""
    await tx.execute("update payments set state = 'void' where number >= $1 and state = 'closed'", number)


async def rebuilt(tx: Transaction, domain: Domain, payment: Payment) -> Built:
    """An epoch that was closed before, with its steps and the books around it."""
    before = await book_before(tx, domain, payment.first_step)
    jobs = await settlements(tx, payment.first_step, payment.first_step + payment.steps)
    epoch, after = build(before, payment.number, jobs)
    return Built(before, epoch, after)


async def book_after(tx: Transaction, domain: Domain, payment: Payment) -> Book:
    """What all accounts were credited and debited by the end of an epoch; its steps are not built anew for that."""
    return await book_before(tx, domain, payment.first_step + payment.steps)


async def standing(tx: Transaction, numbers: Sequence[int]) -> list[Payment]:
    """Those of these epochs that are not void."""
    return [_payment(row) for row in await tx.fetch(STANDING, list(numbers))]


async def last(tx: Transaction, *states: str) -> Payment | None:
    """The newest epoch in one of these states."""
    number = await tx.fetchval(LAST, list(states))
    found = await standing(tx, [number]) if number is not None else []
    return found[0] if found else None


async def doubtful(tx: Transaction) -> list[Payment]:
    """The epochs that were posted and are not final."""
    rows = await tx.fetch("select number from payments where state = 'posted'")
    return await standing(tx, [row[0] for row in rows])


async def ripe(tx: Transaction, domain: Domain, posted_until_s: int) -> Payment | None:
    """The newest epoch whose window is over, of which and before which nothing is demanded; None if that is final."""
    newest = None
    for each in await doubtful(tx):
        digest = epoch_digest(domain, each.posted).hex()
        if each.posted.posted_at >= posted_until_s or await tx.fetchval(DEMANDED, digest):
            break
        newest = each
    return newest


REFUSE_PAYS = """
update intents set state = 'refused' where kind = 'pay' and state in ('pending', 'sent') and exists (
    select from payments p where p.id = (intents.body->>'row')::bigint and {}
)
"""


async def undo(tx: Transaction, fork: int) -> None:
    """What the chain said after this block is not so."""
    await tx.execute(REFUSE_PAYS.format("p.posted_block > $1"), fork)
    await tx.execute("update payments set state = 'posted', final_block = null where final_block > $1", fork)
    sql = """
    update payments set state = 'closed', posted_at = null, poster = null, posted_block = null,
        posted_tx = null, posted_gas = 0
    where posted_block > $1 and state = 'posted'
    """
    await tx.execute(sql, fork)
    await tx.execute("delete from exits where block > $1", fork)
    await tx.execute("delete from demands where block > $1", fork)


async def mark_posted(tx: Transaction, posted: Posted, log: Log) -> int | None:
    """The first step of what was posted, if it is what was closed here; then that is known as posted."""
    sql = """
    update payments set state = 'posted', posted_at = $2, poster = $3, posted_block = $9, posted_tx = $10,
        posted_gas = $11
    where number = $1 and state = 'closed' and (steps, steps_root, root, credits, debits) = ($4, $5, $6, $7, $8)
    returning first_step
    """
    money = (Decimal(posted.state.credits), Decimal(posted.state.debits))
    content = (posted.steps, posted.steps_root, posted.state.hash, *money)
    when = (posted.number, posted.posted_at, posted.poster.lower())
    first: int | None = await tx.fetchval(sql, *when, *content, log.block, log.tx, log.gas)
    return first


async def mark_final(tx: Transaction, number: int, block: int) -> None:
    """This epoch and all before it are final."""
    for each in await tx.fetch(
        "select number from payments where state = 'posted' and number <= $1 order by 1", number
    ):
        sql = "update payments set state = 'final', final_block = $2 where number = $1 and state = 'posted'"
        await tx.execute(sql, each[0], block)
    await tx.execute(KEEP_BOOK)


async def mark_void(tx: Transaction, number: int, reason: str) -> None:
    """This epoch and those after it are void: their steps wait again. The reason is of the first."""
    sql = """
    update payments set state = 'void', void_reason = case when number = $1 then $2 end
    where number >= $1 and state in ('closed', 'posted')
    """
    await tx.execute(REFUSE_PAYS.format("p.number >= $1 and p.state <> 'final'"), number)
    await tx.execute(sql, number, reason)


async def count_voids(tx: Transaction, number: int) -> tuple[int, str]:
    """How often the epoch of this number became void for the same reason, and for which."""
    sql = """
    select count(*), void_reason from payments where number = $1 and void_reason is not null
    group by void_reason order by 1 desc limit 1
    """
    row = await tx.fetchrow(sql, number)
    return (int(row[0]), str(row[1])) if row else (0, "")


def _payment(row: Any) -> Payment:
    root = Node(bytes(row["root"]), int(row["credits"]), int(row["debits"]))
    place_ = (row["id"], row["number"], row["first_step"], row["steps"], bytes(row["steps_root"]))
    return Payment(*place_, root, row["state"], row["posted_at"], row["poster"])
