"""Charges that cannot be proven by now are struck: they wait, with a reason, outside all epochs, and hold up nobody.

Nothing is said of them, so nothing that was said becomes wrong: what has been told, in an epoch that became void, is
never struck. In the ledger they stay charged. Once they can be proven they are charged again, as the last steps.
"""

from collections.abc import Mapping, Sequence
from itertools import groupby

from assay.proof.settlement import Settlement
from assay.settlement.paying import epochs
from assay.settlement.paying.checking import Wrong
from assay.settlement.paying.epochs import Payment
from assay.store import Transaction

# What was told is said for good.
TOLD = """
select exists (
    select from steps s join bills b on b.about = s.job_id where b.is_told and s.position >= (
        select min(position) from steps where job_id = any($1::text[])
    )
)
"""
STRIKE = "insert into struck (job_id, reason, at_ms) values ($1, $2, $3)"
WAITING = """
select job_id, requester, provider, amount, fee, receipt_digest from struck_steps
where job_id in (select job_id from struck order by at_ms, job_id limit $1) order by job_id, part
"""


async def strike(tx: Transaction, payment: Payment, faults: Mapping[str, Wrong], now_ms: int) -> bool:
    """Whether these jobs of a closed epoch were taken out of it, which is void then; False if one cannot be."""
    await epochs.lock(tx)
    standing = await epochs.last(tx, "closed")
    if standing is None or standing.row != payment.row or await tx.fetchval(TOLD, list(faults)):
        return False
    await epochs.reopen(tx, payment.number)
    for job, wrong in faults.items():
        await tx.execute(STRIKE, job, wrong.name.lower(), now_ms)
    return True


async def count(tx: Transaction) -> int:
    """How many charges wait so."""
    return int(await tx.fetchval("select count(*) from struck"))


async def waiting(tx: Transaction, most: int) -> list[Settlement]:
    """Those that were struck first."""
    rows = await tx.fetch(WAITING, most)
    return [epochs.settlement_of(job, list(parts)) for job, parts in groupby(rows, key=lambda row: str(row[0]))]


async def put_back(tx: Transaction, jobs: Sequence[str]) -> None:
    """These are charged again, in this order."""
    for job in jobs:
        await tx.execute("delete from struck where job_id = $1", job)
