"""Charges that cannot be proven by now are struck: they wait, with a reason, outside all epochs, and hold up nobody.

Nothing is said of them, so nothing that was said becomes wrong: what has been told, in an epoch that became void, is
never struck. In the ledger they stay charged. Once they can be proven they are charged again, as the last steps; whose
order counts no longer never can be: it is looked at no more, and holds nobody's money on chain.
"""

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Final, NamedTuple

from assay.proof.settlement import Settlement
from assay.settlement.paying import epochs, tree
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
STRIKE = "insert into struck (job_id, reason, at_ms, until_s) values ($1, $2, $3, $4)"
WAITING = """
with turn as (
    select job_id, at_ms from struck where until_s >= $1 and (at_ms, job_id) > ($2, $3) order by at_ms, job_id limit $4
)
select job_id, s.requester, s.provider, s.amount, s.fee, s.receipt_digest, turn.at_ms
from turn join struck_steps s using (job_id) order by turn.at_ms, job_id, part
"""
COUNT = "select count(*) filter (where until_s >= $1), count(*) filter (where until_s < $1) from struck"


class Turn(NamedTuple):
    """Which struck charge was looked at last: when it was struck (ms), and its job."""

    at_ms: int
    job: str


FIRST: Final = Turn(0, "")


async def strike(
    tx: Transaction, payment: Payment, faults: Mapping[str, Wrong], until_s: Mapping[str, int], now_ms: int
) -> bool:
    """Whether these jobs of a closed epoch were taken out of it, which is void then; False if one cannot be.

    `until_s` says until when each could be proven at all.
    """
    await epochs.lock(tx)
    standing = await epochs.last(tx, "closed")
    if standing is None or standing.row != payment.row or await tx.fetchval(TOLD, list(faults)):
        return False
    await epochs.reopen(tx, payment.number)
    for job, wrong in faults.items():
        await tx.execute(STRIKE, job, wrong.name.lower(), now_ms, until_s[job])
    return True


async def count(tx: Transaction, now_s: int) -> tuple[int, int]:
    """How many charges wait so, and how many never can be proven any more."""
    ((waiting_, lost),) = await tx.fetch(COUNT, now_s)
    return int(waiting_), int(lost)


async def waiting(tx: Transaction, now_s: int, after: Turn, most: int) -> tuple[list[Settlement], Turn]:
    """The next that may be proven yet, as they were struck, and whose turn was last; after the last of all, none's."""
    rows = await tx.fetch(WAITING, now_s, after.at_ms, after.job, most)
    found = [tree.settlement_of(job, list(parts)) for job, parts in groupby(rows, key=lambda row: str(row[0]))]
    return found, Turn(rows[-1][6], rows[-1][0]) if len(found) == most else FIRST


async def put_back(tx: Transaction, jobs: Sequence[str]) -> None:
    """These are charged again, in this order."""
    for job in jobs:
        await tx.execute("delete from struck where job_id = $1", job)
