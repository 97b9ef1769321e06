"""The SQL of periods: which payments one counts, what each provider did in them, and the least stake behind it."""

from decimal import Decimal
from typing import Final

from assay.proof.reward_inputs import NOTHING, Span, entries
from assay.proof.rewards import Entry
from assay.schema.offer import StakeChanged
from assay.schema.values import address_of
from assay.store import Transaction

# Of the block of a later statement, and of those after it, nothing said before is so any more.
FORGET: Final = "delete from stakes where provider = $1 and block >= $2"
KEEP: Final = "insert into stakes (provider, block, whole) values ($1, $2, $3)"
DOUBTFUL: Final = "select exists (select from payments where state = 'posted' and posted_at < $1)"
SPAN: Final = """
select min(first_step), max(first_step + steps), max(posted_block), (
    select max(posted_block) from payments where state = 'final' and posted_at < $1
) from payments where state = 'final' and posted_at >= $1 and posted_at < $2
"""
WORK: Final = """
select payout->>'provider', sum((convert_from(f.data, 'utf8')::jsonb->>'units')::numeric)
from steps s join bills b on b.about = s.job_id and b.kind = 'job',
    jsonb_array_elements(b.body->'payouts') payout,
    facts f
where s.part = 0 and s.position >= $1 and s.position < $2
    and (payout->>'amount')::numeric + (payout->>'fee')::numeric > 0
    and f.job_id = s.job_id and f.type = 'lease.verified' and f.lease_id = payout->>'lease_id'
group by 1
"""
LEAST: Final = """
select who, coalesce((
    select min(whole) from stakes s where s.provider = who and s.block <= $3 and s.block >= (
        select max(block) from stakes t where t.provider = who and t.block <= $2
    )
), 0) from unnest($1::text[]) as who
"""


async def note_stake(tx: Transaction, said: StakeChanged) -> None:
    """Keep what is said to stand behind a provider since a block."""
    address = address_of(said.provider)
    await tx.execute(FORGET, address, said.block)
    await tx.execute(KEEP, address, said.block, Decimal(said.amount + said.backing))


async def is_doubtful(tx: Transaction, end_s: int) -> bool:
    """Whether an epoch of payments that was posted before this is not final yet."""
    return bool(await tx.fetchval(DOUBTFUL, end_s))


async def entries_of(tx: Transaction, start_s: int, end_s: int) -> list[Entry]:
    """What the formula takes of a period, as anybody makes it from what was said."""
    span = await _span(tx, start_s, end_s)
    work = {address_of(who): int(units) for who, units in await tx.fetch(WORK, span.first_step, span.end_step)}
    found = await tx.fetch(LEAST, sorted(work), span.since_block, span.until_block)
    return entries(work, {who: int(whole) for who, whole in found})


async def _span(tx: Transaction, start_s: int, end_s: int) -> Span:
    row = await tx.fetchrow(SPAN, start_s, end_s)
    if row is None or row[0] is None:
        return NOTHING
    return Span(int(row[0]), int(row[1]), int(row[3] or 0), int(row[2]))
