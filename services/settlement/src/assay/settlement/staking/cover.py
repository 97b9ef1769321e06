"""The SQL of claims of capacity and their terms, and `stake.changed`, which says what all of it comes to.

Stake and backing count as they are confirmed, by their value (`finality`).
"""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final, NamedTuple

from assay.chain.governed.cover import CoverTerms
from assay.chain.governed.stake_events import CapacityClaimed, TermsSet
from assay.schema.event import Event
from assay.schema.offer import StakeChanged
from assay.schema.values import Role, address_of, participant_id
from assay.settlement import books, credits
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
TURNS: Final = "select nextval('stake_turns') from generate_series(1, $1)"


class Moved(NamedTuple):
    """From which block on something else stands behind a provider, and what it is said for."""

    block: int
    cause: str


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


async def undo(tx: Transaction, fork: int, undone: Sequence[int]) -> set[str]:
    """What the chain said after this block is not so; returns behind which providers something else stands again.

    `undone` are the transfers by which the ledger took it back.
    """
    rows = await tx.fetch("delete from claims where block > $1 returning provider", fork)
    if await tx.fetch("delete from cover_terms where block > $1 returning 1", fork):
        rows += await tx.fetch(CLAIMANTS)
    return providers_of([*(row[0] for row in rows), *await books.addresses(tx, undone, (stake(""), backing("")))])


def providers_of(addresses: Iterable[str]) -> set[str]:
    """The ids of those at these addresses."""
    return {participant_id(Role.PROVIDER, address) for address in addresses}


async def moved(tx: Transaction, docket: Docket) -> dict[str, Moved]:
    """Each provider whose stake, backing, claim or terms the logs moved."""
    found = {who: Moved(log.block, log.id) for who, log in docket.staked.items()}
    if docket.terms is not None:
        for who in providers_of(row[0] for row in await tx.fetch(CLAIMANTS)):
            found.setdefault(who, Moved(docket.terms.block, docket.terms.id))
    return found


def grown(accounts: Iterable[str]) -> set[str]:
    """The providers of those of these accounts that are of stake or backing."""
    kinds = (stake(""), backing(""))
    return providers_of(each.partition(":")[2] for each in accounts if each.startswith(kinds))


async def changes(tx: Transaction, moved: Mapping[str, Moved]) -> list[tuple[Event, str]]:
    """What is said of each of these providers: what stands behind it by now."""
    if not moved:
        return []
    found = await standings(tx, [address_of(provider).lower() for provider in moved])
    turns = [row[0] for row in await tx.fetch(TURNS, len(moved))]
    said = [
        StakeChanged(provider=who, block=why.block, turn=turn, **found[address_of(who).lower()])
        for turn, (who, why) in zip(turns, moved.items(), strict=True)
    ]
    for event in said:
        await periods.note_stake(tx, event)
    return [(event, why.cause) for event, why in zip(said, moved.values(), strict=True)]


async def standings(tx: Transaction, addresses: list[str]) -> dict[str, dict[str, int]]:
    """What stands behind each address and counts, what it claims, and what that asks of its own stake."""
    accounts = [of(address) for address in addresses for of in (stake, backing)]
    book, later = await books.load(tx, accounts), await credits.uncounted(tx, accounts)
    claims = {row[0]: int(row[1]) for row in await tx.fetch(CLAIMS, addresses)}
    row = await tx.fetchrow(TERMS)
    terms = CoverTerms(int(row[0]), int(row[1])) if row else NO_TERMS
    found = {}
    for address in addresses:
        names = (stake(address), backing(address))
        own, lent = (max(0, book.balance(name, Asset.NATIVE) - later.get(name, 0)) for name in names)
        claim = claims.get(address, 0)
        needed = terms.own_for(claim, lent)
        found[address] = {"amount": own, "backing": lent, "claim": min(claim, CLAIM_MAX), "needed": needed}
    return found
