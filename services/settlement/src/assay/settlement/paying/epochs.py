"""The SQL of the epochs of Payment, closed from steps in their order, posted, final, or void; and the book at each.

Steps alone make the tree, so a book is never stored: it is what the steps up to an epoch add up to, and whatever voids
an epoch cannot leave a wrong tree behind.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import groupby
from typing import Any

from assay.proof.eip712 import Domain
from assay.proof.settlement import Payout, Posted, Settlement, account_node
from assay.proof.settlement_epoch import Book, Epoch, build
from assay.proof.settlement_tree import Node
from assay.schema.values import job_word
from assay.settlement.paying.closing import Waiting
from assay.store import Transaction

SUMS = """
select account, sum(credit), sum(debit) from (
    select provider as account, amount as credit, 0 as debit from steps where position < $1
    union all select requester, 0, amount + fee from steps where position < $1
) moved group by account
"""
STEPS = """
select job_id, requester, provider, amount, fee, receipt_digest from steps
where position >= $1 and position < $2 order by position
"""
NEXT = """
select coalesce(max(number), 0) + 1, coalesce(max(first_step + steps), 1) from payments where state <> 'void'
"""
WAITING = """
select count(*), coalesce(sum(amount + fee), 0), coalesce(min(at_ms), 0) from steps
where position >= (select coalesce(max(first_step + steps), 1) from payments where state <> 'void')
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
select number, first_step, steps, steps_root, root, credits, debits, state, posted_at, poster from payments
where state <> 'void' and number = any($1::bigint[]) order by number
"""
LAST = "select number from payments where state = any($1::text[]) order by number desc limit 1"


@dataclass(frozen=True, slots=True)
class Payment:
    """An epoch that stands: its place among the steps, what is posted of it, and whether it was."""

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


async def place(tx: Transaction, account: str, index: int) -> None:
    """Know the place of an account in the tree."""
    sql = (
        "insert into places (account, place) values ($1, $2) on conflict (account) do update set place = excluded.place"
    )
    await tx.execute(sql, account.lower(), index)


async def lacking_places(tx: Transaction) -> list[str]:
    """The accounts that stand in steps and have no place in the tree."""
    sql = """
    select distinct account from steps, unnest(array[requester, provider]) as account
    where account not in (select account from places) order by account
    """
    return [row[0] for row in await tx.fetch(sql)]


async def waiting(tx: Transaction) -> Waiting:
    """The steps that stand in no epoch yet."""
    row = await tx.fetchrow(WAITING)
    assert row is not None
    return Waiting(int(row[0]), int(row[1]), int(row[2]))


async def book_before(tx: Transaction, domain: Domain, first_step: int) -> Book:
    """What all accounts were credited and debited by the steps before this one."""
    places = {row[0]: int(row[1]) for row in await tx.fetch("select account, place from places")}
    book = Book(domain, places)
    for account, credit, debit in await tx.fetch(SUMS, first_step):
        sums = (int(credit), int(debit))
        book.sums[account] = sums
        book.tree.put(book.place(account), account_node(domain, book.place(account), account, *sums))
    return book


async def settlements(tx: Transaction, first_step: int, end: int) -> list[Settlement]:
    """The jobs that these steps charge, in their order."""
    rows = await tx.fetch(STEPS, first_step, end)
    return [_settlement(job, list(parts)) for job, parts in groupby(rows, key=lambda row: str(row[0]))]


async def close(tx: Transaction, domain: Domain, steps_max: int) -> tuple[Epoch, Book] | None:
    """The next epoch, of `steps_max` steps or those of one job more, and the book after it; None if no step waits.

    Raises Reject if an account has no place in the tree.
    """
    await tx.execute("lock table payments in share row exclusive mode")
    row = await tx.fetchrow(NEXT)
    assert row is not None
    number, first = int(row[0]), int(row[1])
    end = int(await tx.fetchval(UNTIL, first + steps_max))
    jobs = await settlements(tx, first, end)
    if not jobs:
        return None
    epoch, after = build(await book_before(tx, domain, first), number, jobs)
    money = (Decimal(epoch.state.credits), Decimal(epoch.state.debits))
    await tx.execute(CLOSE, number, first, len(epoch.steps), epoch.steps_root, epoch.state.hash, *money)
    return epoch, after


async def rebuilt(tx: Transaction, domain: Domain, payment: Payment) -> tuple[Book, Epoch, Book]:
    """The book before an epoch, its steps with their paths, and the book after it."""
    before = await book_before(tx, domain, payment.first_step)
    jobs = await settlements(tx, payment.first_step, payment.first_step + payment.steps)
    epoch, after = build(before, payment.number, jobs)
    return before, epoch, after


async def standing(tx: Transaction, numbers: Sequence[int]) -> list[Payment]:
    """Those of these epochs that are not void."""
    return [_payment(row) for row in await tx.fetch(STANDING, list(numbers))]


async def last(tx: Transaction, *states: str) -> Payment | None:
    """The newest epoch in one of these states."""
    number = await tx.fetchval(LAST, list(states))
    found = await standing(tx, [number]) if number is not None else []
    return found[0] if found else None


async def mark_posted(tx: Transaction, posted: Posted) -> bool:
    """Whether what was posted is the epoch of this number as it was closed here; then it is known as posted."""
    sql = """
    update payments set state = 'posted', posted_at = $2, poster = $3
    where number = $1 and state = 'closed' and (steps, steps_root, root, credits, debits) = ($4, $5, $6, $7, $8)
    """
    money = (Decimal(posted.state.credits), Decimal(posted.state.debits))
    content = (posted.steps, posted.steps_root, posted.state.hash, *money)
    return await tx.execute(sql, posted.number, posted.posted_at, posted.poster.lower(), *content) == "UPDATE 1"


async def mark_final(tx: Transaction, number: int) -> None:
    """This epoch and all before it are final."""
    for each in await tx.fetch(
        "select number from payments where state = 'posted' and number <= $1 order by 1", number
    ):
        await tx.execute("update payments set state = 'final' where number = $1 and state = 'posted'", each[0])


async def mark_void(tx: Transaction, number: int) -> None:
    """This epoch and those after it are void: their steps wait again."""
    await tx.execute("update payments set state = 'void' where number >= $1 and state in ('closed', 'posted')", number)


def _settlement(job: str, parts: Sequence[Any]) -> Settlement:
    payouts = tuple(Payout(row[2], int(row[3]), int(row[4])) for row in parts)
    return Settlement(job_word(job), parts[0][1], payouts, bytes(parts[0][5]))


def _payment(row: Any) -> Payment:
    root = Node(bytes(row["root"]), int(row["credits"]), int(row["debits"]))
    place_ = (row["number"], row["first_step"], row["steps"], bytes(row["steps_root"]))
    return Payment(*place_, root, row["state"], row["posted_at"], row["poster"])
