"""The gateway's own view of providers and their offers."""

from typing import Any, Final

from assay.schema.offer import Offer
from assay.store import Transaction

LIST: Final = """
insert into offer (provider, offer_id, terms, is_listed, reason) values ($1, $2, $3, true, '')
on conflict (provider) do update
set offer_id = excluded.offer_id, terms = excluded.terms, is_listed = true, reason = ''
"""
DELIST: Final = "update offer set is_listed = false, reason = $3 where provider = $1 and offer_id = $2"
GRANT: Final = """
insert into lease (lease_id, job_id, provider, fence)
select * from unnest($1::text[], $2::text[], $3::text[], $4::bigint[]) on conflict do nothing
"""
STAND_BY: Final = """
insert into spare (spare_id, job_id, provider, due_ms) values ($1, $2, $3, $4) on conflict do nothing
"""
NETWORK: Final = """
select o.provider, o.terms, o.is_listed, o.reason,
    (select count(*) from lease l join life s on s.entity = 'lease' and s.id = l.lease_id
     where l.provider = o.provider and s.state in ('granted', 'running')) as leases
from offer o order by o.is_listed desc, o.provider limit $1
"""


class Offers:
    """Offers and leases within one transaction."""

    def __init__(self, tx: Transaction) -> None:
        self.tx = tx
        self._granted: list[tuple[str, str, str, int]] = []

    async def enlist(self, offer: Offer) -> None:
        """Keeps a listed offer as its provider's."""
        await self.tx.execute(LIST, offer.provider, offer.offer_id, offer.model_dump_json())

    async def delist(self, provider: str, offer_id: str, reason: str) -> None:
        """Keeps an offer as ended, if it is still its provider's."""
        await self.tx.execute(DELIST, provider, offer_id, reason.replace("\0", ""))

    def grant(self, lease_id: str, job_id: str, provider: str, fence: int) -> None:
        """Notes to whom a lease was granted."""
        self._granted.append((lease_id, job_id, provider, fence))

    async def stand_by(self, spare_id: str, job_id: str, provider: str, due_ms: int) -> None:
        """Keeps who is a spare of which job, until whose deadline."""
        await self.tx.execute(STAND_BY, spare_id, job_id, provider, due_ms)

    async def write(self) -> None:
        """Keeps what was noted."""
        if self._granted:
            granted, self._granted = sorted(self._granted), []
            await self.tx.execute(GRANT, *map(list, zip(*granted, strict=True)))

    async def network(self, limit: int) -> list[Any]:
        """Providers with their offers and how many leases each runs, the listed ones first."""
        return list(await self.tx.fetch(NETWORK, limit))
