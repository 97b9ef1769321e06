"""Orders are held for at once, or, where the deposit is not there yet, as soon as it is, for a while."""

from decimal import Decimal
from typing import Final, NamedTuple

from assay.schema.event import Envelope, Event
from assay.schema.job import JobFunded, JobSubmitted, JobUnfunded
from assay.schema.values import address_of
from assay.settlement.finality import MISSING
from assay.settlement.paying.holds import Holder
from assay.store import Transaction

AWAIT = """
insert into awaiting (job_id, requester, amount, until_ms, cause) values ($1, $2, $3, $4, $5) on conflict do nothing
"""
# Behind those that came meanwhile, so that many of these keep nobody waiting.
WAIT_ON = "update awaiting set until_ms = $2, position = nextval('awaiting_position_seq') where job_id = $1"
# What waits for its block to be safe or final is looked at so often besides.
ON_MS: Final = 10_000
AWAITING = "select job_id, requester, amount, until_ms, cause from awaiting order by position limit $1"


class Awaited(NamedTuple):
    """An order that waits for its requester's deposit, until when."""

    job_id: str
    requester: str
    amount: int
    until_ms: int
    cause: str


async def fund(tx: Transaction, holder: Holder, said: Envelope[JobSubmitted], until_ms: int) -> list[Event]:
    """What follows at once: the job is funded, or, if its requester has too little deposited, nothing yet."""
    job = said.event
    order = Awaited(job.job_id, job.requester, job.price_limit, until_ms, said.id)
    if await take(holder, order):
        return [funded(order)]
    await tx.execute(AWAIT, *order[:2], Decimal(order.amount), *order[3:])
    return []


async def awaiting(tx: Transaction, most: int) -> list[Awaited]:
    """The orders that wait, oldest first."""
    return [Awaited(row[0], row[1], int(row[2]), row[3], row[4]) for row in await tx.fetch(AWAITING, most)]


async def try_again(tx: Transaction, holder: Holder, order: Awaited, known_ms: int | None) -> Event | None:
    """What became of an order that waited: funded, unfunded for good, or nothing yet.

    `known_ms` is until when the ledger has what the chain has; None where it may lack something: none is refused then.
    Nor is one for which enough was deposited that does not count yet.
    """
    if await take(holder, order):
        event: Event = funded(order)
    elif known_ms is not None and order.until_ms <= known_ms:
        if await holder.lacks(address_of(order.requester), order.amount) != MISSING:
            await tx.execute(WAIT_ON, order.job_id, known_ms + ON_MS)
            return None
        event = await unfunded(holder, order)
    else:
        return None
    await tx.execute("delete from awaiting where job_id = $1", order.job_id)
    return event


async def take(holder: Holder, order: Awaited) -> bool:
    """Whether the order's price limit is there, and is held."""
    return await holder.take(order.job_id, address_of(order.requester), order.amount)


def funded(order: Awaited) -> JobFunded:
    """What is said of an order that is held for."""
    return JobFunded(job_id=order.job_id, requester=order.requester, amount=order.amount)


async def unfunded(holder: Holder, order: Awaited) -> JobUnfunded:
    """What is said of an order that no deposit covers, and what to do about it."""
    free = max(0, await holder.free(address_of(order.requester)))
    reason = f"{free} of {order.amount} are free in the deposit: `assay wallet deposit`, then submit again."
    names = {"job_id": order.job_id, "requester": order.requester}
    return JobUnfunded(**names, code="deposit.insufficient", reason=reason)
