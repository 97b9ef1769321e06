"""The SQL of the steps of Payment and of the book at each: what all accounts were credited and debited before it.

Steps alone make the tree, so no tree is stored: a book is what the steps before it add up to. What those before the end
of the last final epoch add up to is kept, by the database itself, and the steps between there and a book are added or
taken off. Steps never change, and places in the tree are not kept: a fork or a void epoch leaves nothing wrong behind.
"""

from collections.abc import Sequence
from itertools import groupby
from typing import Any

from assay.proof.eip712 import Domain
from assay.proof.settlement import Payout, Settlement
from assay.proof.settlement_epoch import Book
from assay.schema.values import job_word
from assay.store import Transaction

SUMS = """
with head as (select position from book_head), moved as (
    select account, credit, debit, steps from book_sums
    union all select part.account, sign * part.credit, sign * part.debit, sign
    from (
        select *, case when position < $1 then 1 else -1 end as sign from steps
        where position >= least($1, (select position from head))
            and position < greatest($1, (select position from head))
    ) step, lateral (values (provider, amount, 0), (requester, 0, amount + fee)) as part (account, credit, debit)
) select account, sum(credit), sum(debit) from moved group by account having sum(steps) > 0
"""
STEPS = """
select job_id, requester, provider, amount, fee, receipt_digest from steps
where position >= $1 and position < $2 order by position
"""


async def place(tx: Transaction, account: str, index: int) -> None:
    """Know the place of an account in the tree."""
    sql = (
        "insert into places (account, place) values ($1, $2) on conflict (account) do update set place = excluded.place"
    )
    await tx.execute(sql, account.lower(), index)


async def book_before(tx: Transaction, domain: Domain, first_step: int) -> Book:
    """What all accounts were credited and debited by the steps before this one."""
    places = {row[0]: int(row[1]) for row in await tx.fetch("select account, place from places")}
    sums = {row[0]: (int(row[1]), int(row[2])) for row in await tx.fetch(SUMS, first_step)}
    return Book.of(domain, places, sums)


async def book_of_all(tx: Transaction, domain: Domain) -> Book:
    """What all accounts were credited and debited by all steps there are."""
    return await book_before(tx, domain, int(await tx.fetchval("select position + 1 from steps_head")))


async def settlements(tx: Transaction, first_step: int, end: int) -> list[Settlement]:
    """The jobs that these steps charge, in their order."""
    rows = await tx.fetch(STEPS, first_step, end)
    return [settlement_of(job, list(parts)) for job, parts in groupby(rows, key=lambda row: str(row[0]))]


def parties_of(job: Settlement) -> set[str]:
    """The accounts that a job changes."""
    return {job.requester, *(payout.provider for payout in job.payouts)}


def settlement_of(job: str, parts: Sequence[Any]) -> Settlement:
    """What a job's rows of STEPS charge."""
    payouts = tuple(Payout(row[2], int(row[3]), int(row[4])) for row in parts)
    return Settlement(job_word(job), parts[0][1], payouts, bytes(parts[0][5]))
