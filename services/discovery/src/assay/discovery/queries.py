"""The SQL of discovery, named after the questions it answers.

A provider's row is the lock of all that is known of it; whoever comes by time skips what is locked, so that none waits
in a circle.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from assay.discovery.domain import Output, Shown, Standing
from assay.schema.offer import Offer, OfferAnnounced, StakeChanged
from assay.store import Transaction

LOCK: Final = """
insert into provider (provider) values ($1) on conflict (provider) do update set provider = excluded.provider
returning stake, backing, claim, needed, verified, rejected, dropped, day, day_units, units_before, measured,
    measured_block, busy_called
"""
OFFER: Final = "select terms, listed_ms, objection from offer where provider = $1"
SAVE: Final = """
insert into offer (provider, offer_id, sequence, terms, expires_ms, listed_ms, objection)
values ($1, $2, $3, $4, $5, $6, $7)
on conflict (provider) do update set offer_id = excluded.offer_id, sequence = excluded.sequence,
    terms = excluded.terms, expires_ms = excluded.expires_ms, listed_ms = excluded.listed_ms,
    objection = excluded.objection
"""
STAKE: Final = """
insert into provider (provider, stake, backing, claim, needed, stake_turn) values ($1, $2, $3, $4, $5, $6)
on conflict (provider) do update set stake = excluded.stake, backing = excluded.backing, claim = excluded.claim,
    needed = excluded.needed, stake_turn = excluded.stake_turn
where provider.stake_turn <= excluded.stake_turn
returning provider
"""
JUDGED: Final = """
insert into provider (provider, verified, rejected, dropped) values ($1, $2, $3, $4)
on conflict (provider) do update
set verified = provider.verified + excluded.verified, rejected = provider.rejected + excluded.rejected,
    dropped = provider.dropped + excluded.dropped
"""
DID: Final = "update provider set day = $2, day_units = $3, units_before = $4 where provider = $1"
SHOWN: Final = "update provider set measured = $2, measured_block = $3 where provider = $1"
TAKE: Final = """
insert into hand (lease_id, provider) select * from unnest($1::text[], $2::text[]) on conflict do nothing
"""
LEAVE: Final = "delete from hand where lease_id = any($1::text[])"
CALLED: Final = (
    "update provider set busy_called = (select count(*) from hand h where h.provider = $1) where provider = $1"
)
HEARD: Final = """
with free as (select provider from provider where provider = any($1::text[]) for no key update skip locked)
update provider p set last_beat_ms = h.ms
from unnest($1::text[], $2::bigint[]) as h (provider, ms) join free using (provider)
where p.provider = h.provider and p.last_beat_ms < h.ms
"""
DELIST: Final = "update offer set listed_ms = null, objection = $2 where provider = any($1::text[])"
EXPIRED: Final = """
select o.terms from offer o join provider p using (provider)
where o.listed_ms is not null and o.expires_ms <= $1
order by o.expires_ms limit $2 for no key update of p skip locked
"""
SILENT: Final = """
select o.terms from offer o join provider p using (provider)
where o.listed_ms is not null and greatest(p.last_beat_ms, o.listed_ms) <= $1
for no key update of p skip locked
"""
BACK: Final = """
select o.terms from offer o join provider p using (provider)
where o.objection = 'offer.silent' and p.last_beat_ms > $1 and o.expires_ms > $2
limit $3 for no key update of p skip locked
"""
COUNT: Final = "select count(*) from offer where listed_ms is not null"
NETWORK: Final = """
select count(*) as providers, count(o.listed_ms) as listed, coalesce(sum(p.stake), 0)::text as stake
from provider p left join offer o using (provider)
"""
PROVIDER: Final = """
select p.provider, p.stake::text as stake, p.backing::text as backing, p.claim, p.needed::text as needed, p.verified,
    p.rejected, p.dropped, p.last_beat_ms, o.offer_id, o.listed_ms, o.objection
from provider p left join offer o using (provider) where p.provider = $1
"""

TICK_MAX: Final = 256


@dataclass(frozen=True, slots=True)
class Known:
    """A provider's standing offer as it is remembered."""

    offer: OfferAnnounced
    is_listed: bool
    objection: str | None


class Registry:
    """The questions discovery asks of its tables within one transaction."""

    def __init__(self, tx: Transaction) -> None:
        self.tx = tx
        self._hands: dict[str, str | None] = {}

    async def lock(self, provider: str) -> tuple[Standing, Known | None]:
        """What is known of a provider and its offer; nobody else changes it before this transaction ends."""
        standing = await self._lock(provider)
        row = await self.tx.fetchrow(OFFER, provider)
        known = Known(_offer(row), row["listed_ms"] is not None, row["objection"]) if row else None
        return standing, known

    async def _lock(self, provider: str) -> Standing:
        row = await self.tx.fetchrow(LOCK, provider)
        assert row is not None
        *sums, measured, block, busy = row
        stake, backing, claim, needed, verified, rejected, dropped, *output = map(int, sums)
        shown = None if measured is None else Shown(measured, block)
        counts = verified, rejected, dropped
        return Standing(stake, backing, claim, needed, *counts, Output(*output), shown, busy)

    async def did(self, provider: str, day: int, units: int) -> None:
        """Adds to what was verified of a provider's work."""
        output = (await self._lock(provider)).output.on(day, units)
        await self.tx.execute(DID, provider, output.day, Decimal(output.units), Decimal(output.before))

    async def show(self, provider: str, shown: Shown) -> None:
        """Keeps what a provider's machine has shown."""
        await self.tx.execute(SHOWN, provider, shown.units_per_s, shown.block)

    async def called(self, provider: str) -> None:
        """Keeps how many leases a provider has in hand now, when it is challenged."""
        await self.write()
        await self.tx.execute(CALLED, provider)

    def take(self, lease_id: str, provider: str) -> None:
        """Notes a lease as in its provider's hand."""
        self._hands[lease_id] = provider

    def leave(self, lease_id: str) -> None:
        """Notes a lease as in nobody's hand."""
        self._hands[lease_id] = None

    async def write(self) -> None:
        """Keeps what was noted of leases."""
        hands, self._hands = sorted(self._hands.items()), {}
        if taken := [(lease, provider) for lease, provider in hands if provider]:
            await self.tx.execute(TAKE, *map(list, zip(*taken, strict=True)))
        if left := [lease for lease, provider in hands if not provider]:
            await self.tx.execute(LEAVE, left)

    async def save(self, offer: OfferAnnounced, listed_ms: int | None, objection: str | None) -> None:
        """Keeps an offer as its provider's standing one."""
        values = (offer.provider, offer.offer_id, offer.sequence, offer.model_dump_json(), offer.expires_ms)
        await self.tx.execute(SAVE, *values, listed_ms, objection)

    async def stake(self, said: StakeChanged) -> bool:
        """Keeps what stands behind a provider, unless something later is known; whether none is."""
        money = (said.amount, said.backing, said.claim, said.needed)
        return await self.tx.fetchval(STAKE, said.provider, *money, said.turn) is not None

    async def judged(self, provider: str, verified: int = 0, rejected: int = 0, dropped: int = 0) -> None:
        """Adds to a provider's record."""
        await self.tx.execute(JUDGED, provider, verified, rejected, dropped)

    async def heard(self, beats: Mapping[str, int]) -> None:
        """Keeps when each provider was heard last; of unknown ones nothing."""
        await self.tx.execute(HEARD, list(beats), list(beats.values()))

    async def delist(self, offers: Sequence[Offer], objection: str) -> None:
        """Keeps the offers as not listed, and why."""
        await self.tx.execute(DELIST, [offer.provider for offer in offers], objection)

    async def expired(self, now_ms: int) -> list[OfferAnnounced]:
        """Listed offers that have ended."""
        return [_offer(row) for row in await self.tx.fetch(EXPIRED, now_ms, TICK_MAX)]

    async def silent(self, since_ms: int) -> list[OfferAnnounced]:
        """Listed offers whose provider was heard last before `since_ms`."""
        return [_offer(row) for row in await self.tx.fetch(SILENT, since_ms)]

    async def back(self, since_ms: int, now_ms: int) -> list[OfferAnnounced]:
        """Offers that fell silent, and whose provider was heard after `since_ms` again."""
        return [_offer(row) for row in await self.tx.fetch(BACK, since_ms, now_ms, TICK_MAX)]

    async def count(self) -> int:
        """How many offers are listed."""
        return int(await self.tx.fetchval(COUNT))

    async def network(self) -> dict[str, Any]:
        """How many providers are known, how many of them are listed, and what they stake together."""
        return dict(await self.tx.fetchrow(NETWORK) or {})

    async def provider(self, provider: str) -> dict[str, Any] | None:
        """All that is known of one provider."""
        row = await self.tx.fetchrow(PROVIDER, provider)
        return dict(row) if row else None


def _offer(row: Any) -> OfferAnnounced:
    return OfferAnnounced.model_validate_json(row["terms"])
