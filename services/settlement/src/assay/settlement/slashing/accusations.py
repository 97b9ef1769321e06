"""The SQL of accusations: what each is about, how far it has come on chain, and what is said when it ends."""

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final, NamedTuple

from assay.schema.audit import VerifierSlashed, VerifierSpared
from assay.schema.challenge import ChallengeSlashed, ChallengeSpared
from assay.schema.dispute import DisputeForfeited, DisputeSpared
from assay.schema.event import Envelope, Event
from assay.schema.lease import LeaseSlashed, LeaseSpared, SlashReason
from assay.schema.values import Value
from assay.settlement import queries
from assay.settlement.domain import portion
from assay.settlement.slashing import harms
from assay.settlement.slashing.intents import Accuse
from assay.settlement.slashing.victims import Victim, victims_of
from assay.store import Transaction

OPEN: Final = ("wanted", "proposed", "appealed", "confirmed")
WANT: Final = """
insert into accusations (accusation, reason, offence, happened_s, body, cause, statement)
values ($1, $2, $3, $4, $5::jsonb, $6, $7) on conflict do nothing
"""
NAME: Final = """
insert into accusation_subjects (accusation, about, kind, body, cause) values ($1, $2, $3, $4::jsonb, $5)
on conflict do nothing
"""
# An epoch's accusation waits until the bills of its jobs are told, which say what their requesters have lost, but not
# for ever.
RIPE: Final = f"""
select accusation, body, cause, statement from accusations a
where phase = 'wanted' and happened_s <= $1 and body is not null and (happened_s <= $2 or not {harms.IS_UNKNOWN})
and not exists (select from intents i where i.about = a.accusation and i.kind = 'accuse') order by accusation
"""
NAME_VICTIM: Final = """
update accusations set victim = body.said->>'victim', loss = coalesce((body.said->>'loss')::numeric, 0)
from (select i.body as said from intents i where i.kind = 'accuse' and i.about = $1) body where accusation = $1
returning body.said
"""
IS_ANY_OPEN: Final = """
select exists (select from accusations where phase = 'wanted')
or exists (select from accusations where phase in ('proposed', 'appealed', 'confirmed'))
"""
SUBJECTS: Final = """
update accusation_subjects set is_told = true where accusation = $1 and not is_told returning about, kind, body, cause
"""
MOVE: Final = """
update accusations set phase = $2, until_s = coalesce($3, until_s), tx = $4 where accusation = $1
and phase = any($5::text[]) returning accusation
"""
MEET: Final = """
insert into accusations (accusation, reason, offence, happened_s, phase) values ($1, $2, $3, 0, 'wanted')
on conflict do nothing
"""


SPARED: Final[Mapping[str, Callable[..., Event]]] = {
    "lease": LeaseSpared,
    "audit": VerifierSpared,
    "party": DisputeSpared,
    "challenge": ChallengeSpared,
}


class Subject(NamedTuple):
    """What an accusation is about, as it is told, and what led to it.

    `kind` is lease, audit, party (of a dispute) or challenge.
    """

    about: str
    kind: str
    body: dict[str, Any]
    cause: str


class Ripe(NamedTuple):
    """An accusation that can be made: what led to it, the statement it rests on, and who lost by it."""

    accuse: Accuse
    cause: str
    statement: bytes
    victims: list[Victim]


async def is_any_open(tx: Transaction) -> bool:
    """Whether any accusation has not come to its end."""
    return bool(await tx.fetchval(IS_ANY_OPEN))


async def want(tx: Transaction, accuse: Accuse, kind: str, fact: Value | None, said: Envelope[Any]) -> list[Event]:
    """Have a participant accused on chain of an offence, once; `fact` is what names it when the accusation ends, if
    anybody waits for that, `said` what shows it.

    Returns what is said at once, if it has ended before.
    """
    name = accuse.accusation
    what = (accuse.reason.value, accuse.offence, accuse.happened_s, accuse.model_dump_json())
    await tx.execute(WANT, name, *what, said.id, bytes(said.data))
    if fact is not None:
        await tx.execute(NAME, name, next(iter(fact.model_dump().values())), kind, fact.model_dump_json(), said.id)
    ((phase, tx_hash),) = await tx.fetch("select phase, tx from accusations where accusation = $1", name)
    if phase in OPEN:
        return []
    found = await subjects(tx, name)
    ends = told(found, accuse.reason, 0, tx_hash) if phase == "executed" else spared(found, "slash.dismissed")
    return [event for event, _ in ends]


async def ripe(tx: Transaction, now_s: int, bill_until_s: int) -> list[Ripe]:
    """The accusations that the contract takes by now. Those after `bill_until_s` wait for the bills of their jobs."""
    return [await _ripe(tx, *row) for row in await tx.fetch(RIPE, now_s, bill_until_s)]


async def name_victims(tx: Transaction, accusation: str) -> Accuse | None:
    """Our own accusation: whom it says to have lost something, and how much, is kept from now on."""
    row = await tx.fetchrow(NAME_VICTIM, accusation)
    if row is None:
        return None
    said = Accuse.model_validate(queries.read(row[0]))
    await harms.keep(tx, accusation, said.victims)
    return said


async def is_owed(tx: Transaction, accusation: str) -> bool:
    """Whether a victim that lost something is known of the accusation."""
    sql = "select exists (select from accusations where accusation = $1 and loss > 0)"
    return bool(await tx.fetchval(sql, accusation))


async def lower_due(tx: Transaction, accusation: str, left: int) -> bool:
    """Whether less is due to the victim than was known."""
    sql = "update accusations set due = $2 where accusation = $1 and (due is null or due > $2) returning accusation"
    return await tx.fetchval(sql, accusation, Decimal(left)) is not None


async def meet(tx: Transaction, accusation: str, reason: SlashReason, offence: str) -> None:
    """Know an accusation that somebody else made: it is executed here as any other."""
    await tx.execute(MEET, accusation, reason.value, offence)


async def move(tx: Transaction, accusation: str, phase: str, tx_hash: str, until_s: int | None = None) -> bool:
    """Whether the accusation was not at its end, and is in this phase now."""
    sources = ["wanted"] if phase == "proposed" else [each for each in OPEN if each != phase]
    return await tx.fetchval(MOVE, accusation, phase, until_s, tx_hash, sources) is not None


async def is_in(tx: Transaction, accusation: str, phase: str) -> bool:
    """Whether the accusation is in this phase."""
    sql = "select exists (select from accusations where accusation = $1 and phase = $2)"
    return bool(await tx.fetchval(sql, accusation, phase))


async def subjects(tx: Transaction, accusation: str) -> list[Subject]:
    """What the accusation is about and was not told yet; it counts as told from now on."""
    rows = await tx.fetch(SUBJECTS, accusation)
    return sorted((Subject(row[0], row[1], queries.read(row[2]), row[3]) for row in rows), key=lambda each: each.about)


def told(found: Sequence[Subject], reason: SlashReason, amount: int, tx_hash: str) -> list[tuple[Event, str]]:
    """What is said of each subject when so much is taken, and what led to it; the parts add up to all of it."""
    return [
        (slashed(subject, reason, portion(amount, len(found), turn), tx_hash), subject.cause)
        for turn, subject in enumerate(found)
    ]


def slashed(subject: Subject, reason: SlashReason, amount: int, tx_hash: str) -> Event:
    """What is said of one subject when so much is taken."""
    if subject.kind == "lease":
        return LeaseSlashed(**subject.body, amount=amount, reason=reason, tx=tx_hash)
    if subject.kind == "audit":
        return VerifierSlashed(**subject.body, amount=amount, reason=reason, tx=tx_hash)
    if subject.kind == "challenge":
        return ChallengeSlashed(**subject.body, amount=amount, reason=reason, tx=tx_hash)
    return DisputeForfeited(**subject.body, amount=amount, tx=tx_hash)


def spared(found: Sequence[Subject], code: str) -> list[tuple[Event, str]]:
    """What is said of each subject when nothing is taken."""
    return [(SPARED[each.kind](**each.body, code=code), each.cause) for each in found]


async def _ripe(tx: Transaction, accusation: str, body: Any, cause: str, statement: bytes) -> Ripe:
    lost = victims_of(await harms.harms_of(tx, accusation))
    return Ripe(Accuse.model_validate(queries.read(body)), cause, bytes(statement), lost)
