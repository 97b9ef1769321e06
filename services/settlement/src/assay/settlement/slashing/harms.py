"""The SQL of who lost by an offence: the jobs that it spoiled, and what is still due to their requesters."""

from decimal import Decimal
from typing import Final

from assay.schema.lease import BLAMELESS
from assay.schema.slash import SlashVictim
from assay.settlement import queries
from assay.settlement.paying.bills import JobBill
from assay.settlement.slashing.victims import Harm
from assay.store import Transaction

# The leases that an accusation `a` is about: those of its epoch, or the one that stands in none.
LEASES: Final = """
select lease_id, job_id from epoch_leases where epoch_id = a.offence
union select about, body->>'job_id' from accusation_subjects s where s.accusation = a.accusation and kind = 'lease'
"""
# Whether it is not for good yet what some of these have cost: a charge that stands in no epoch may be struck. A lease
# that was verified was not harmed.
IS_UNKNOWN: Final = f"""
exists (
    select from ({LEASES}) l where not exists (select from bills b where b.about = l.job_id and b.is_told)
    and not exists (
        select from facts f where f.job_id = l.job_id and f.type = 'lease.verified' and f.lease_id = l.lease_id
    )
)
"""
# Each job in which the offence had a lease rejected, with all offences that had one rejected there. A fault that is
# nobody's is no offence, and whose charge is struck has not paid.
HARMS: Final = f"""
with offences as (
    select f.job_id, coalesce(said.body->>'epoch_id', f.lease_id) as offence
    from facts f, lateral (select convert_from(f.data, 'UTF8')::jsonb) as said (body)
    where f.type = 'lease.rejected' and f.job_id in (
        select job_id from accusations a, lateral ({LEASES}) l where a.accusation = $1
    ) and not said.body->>'code' = any($2::text[])
)
select b.body, count(distinct o.offence), count(distinct o.offence) filter (where o.offence < a.offence)
from offences o join bills b on b.about = o.job_id, accusations a
where a.accusation = $1 and exists (select from facts f where f.job_id = o.job_id and f.type = 'job.rejected')
and not exists (select from struck s where s.job_id = o.job_id)
group by o.job_id, b.body, a.offence having bool_or(o.offence = a.offence)
"""
KEEP: Final = "insert into accusation_victims (accusation, victim, loss, due) values ($1, $2, $3, $3)"
LOWER: Final = """
update accusation_victims set due = $3 where accusation = $1 and victim = $2 and due > $3 returning victim
"""
# By the order of bytes: some languages put `aa` last, and no purse has a list in that order.
VICTIMS: Final = 'select victim, loss from accusation_victims where accusation = $1 order by victim collate "C"'


async def harms_of(tx: Transaction, accusation: str) -> list[Harm]:
    """The jobs that an offence spoiled, as far as their bills are known."""
    rows = await tx.fetch(HARMS, accusation, list(BLAMELESS))
    return [Harm(JobBill.model_validate(queries.read(body)), count, turn) for body, count, turn in rows]


async def keep(tx: Transaction, accusation: str, victims: tuple[SlashVictim, ...]) -> None:
    """Know the victims of an accusation that has several."""
    for each in victims:
        await tx.execute(KEEP, accusation, each.victim, Decimal(each.loss))


async def victims(tx: Transaction, accusation: str) -> tuple[SlashVictim, ...]:
    """The victims of an accusation that has several, as its purse has them; none for others."""
    return tuple(SlashVictim(victim=row[0], loss=int(row[1])) for row in await tx.fetch(VICTIMS, accusation))


async def is_purse(tx: Transaction, accusation: str, place: str) -> bool:
    """Whether this is where the refund of an accusation of ours goes."""
    sql = "select exists (select from accusations where accusation = $1 and victim = $2)"
    return bool(await tx.fetchval(sql, accusation, place))


async def lower_due(tx: Transaction, accusation: str, victim: str, left: int) -> bool:
    """Whether less is due to one of several victims than was known."""
    return await tx.fetchval(LOWER, accusation, victim, Decimal(left)) is not None
