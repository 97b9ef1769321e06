"""The SQL of claims of capacity and their terms, and `stake.changed`, which says what all of it comes to."""

from decimal import Decimal
from typing import Any, Final

from assay.chain.governed.cover import CoverTerms
from assay.chain.governed.stake_events import CapacityClaimed, TermsSet
from assay.schema.event import Event
from assay.schema.offer import StakeChanged
from assay.schema.values import Role, address_of, participant_id
from assay.settlement import books
from assay.settlement.docket import Docket, Log
from assay.settlement.ledger import Asset, backing, stake
from assay.settlement.rewarding import periods
from assay.store import Transaction

# A claim may be any number of 64 bits; beyond this one nothing is told apart.
CLAIM_MAX: Final = 2**63 - 1
CLAIM: Final = "insert into claims (provider, units_per_s, block) values ($1, $2, $3)"
# Of what no fork can take back any more, the latest is enough.
FORGET: Final = """
delete from claims old where provider = $1 and block < $2
and exists (select from claims later where later.provider = $1 and later.turn > old.turn and later.block < $2)
"""
CLAIMS: Final = """
select distinct on (provider) provider, units_per_s from claims where provider = any($1::text[])
order by provider, turn desc
"""
CLAIMANTS: Final = """
select provider from (select distinct on (provider) provider, units_per_s from claims order by provider, turn desc) last
where units_per_s > 0 order by provider
"""
SET_TERMS: Final = "insert into cover_terms (base, per_unit, block) values ($1, $2, $3)"
TERMS: Final = "select base, per_unit from cover_terms order by turn desc limit 1"
NO_TERMS: Final = CoverTerms(0, 0)


async def note(tx: Transaction, log: Log) -> None:
    """Keep what somebody claims, or what a vote has claims ask for."""
    event: Any = log.event
    if isinstance(event, CapacityClaimed):
        await tx.execute(CLAIM, event.provider.lower(), Decimal(event.units_per_s), log.block)
        await tx.execute(FORGET, event.provider.lower(), log.block - books.BLOCKS_KEPT)
    elif isinstance(event, TermsSet):
        await begin(tx, CoverTerms(event.base, event.per_unit), log.block)


async def begin(tx: Transaction, terms: CoverTerms, block: int) -> None:
    """Have claims ask for this from this block on."""
    await tx.execute(SET_TERMS, Decimal(terms.base), Decimal(terms.per_unit), block)


async def undo(tx: Transaction, fork: int) -> None:
    """What the chain said after this block is not so."""
    await tx.execute("delete from claims where block > $1", fork)
    await tx.execute("delete from cover_terms where block > $1", fork)


async def changes(tx: Transaction, docket: Docket) -> list[tuple[Event, str]]:
    """What stands behind each provider whose stake, backing, claim or terms the logs moved, and the log that did."""
    moved = dict(docket.staked)
    if docket.terms is not None:
        for row in await tx.fetch(CLAIMANTS):
            moved.setdefault(participant_id(Role.PROVIDER, row[0]), docket.terms)
    if not moved:
        return []
    found = await standings(tx, [address_of(provider).lower() for provider in moved])
    said = [
        (StakeChanged(provider=who, block=log.block, **found[address_of(who).lower()]), log.id)
        for who, log in moved.items()
    ]
    for event, _ in said:
        await periods.note_stake(tx, event)
    return [*said]


async def standings(tx: Transaction, addresses: list[str]) -> dict[str, dict[str, int]]:
    """What stands behind each address by the ledger, what it claims, and what that asks of its own stake."""
    book = await books.load(tx, [of(address) for address in addresses for of in (stake, backing)])
    claims = {row[0]: int(row[1]) for row in await tx.fetch(CLAIMS, addresses)}
    row = await tx.fetchrow(TERMS)
    terms = CoverTerms(int(row[0]), int(row[1])) if row else NO_TERMS
    found = {}
    for address in addresses:
        own, lent = (book.balance(of(address), Asset.NATIVE) for of in (stake, backing))
        claim = claims.get(address, 0)
        needed = terms.own_for(claim, lent)
        found[address] = {"amount": own, "backing": lent, "claim": min(claim, CLAIM_MAX), "needed": needed}
    return found
