"""The keys of sealed blobs: what is held, who has a right to it, who was given it."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from assay.gateway.rights import Noted, Right, rights_in
from assay.schema.dispute import DisputeLodged
from assay.schema.event import Event
from assay.schema.key import KeyReleased
from assay.schema.offer import Offer
from assay.store import Transaction

HOLD: Final = """
insert into data_key (digest, owner, wrapped, regions, held_ms) values ($1, $2, $3, $4::text[], $5)
on conflict do nothing
"""
HELD: Final = "select digest, owner, wrapped, regions, forget_ms from data_key where digest = any($1::text[])"
# Until who looks has committed what follows from it nobody destroys the key.
RELIED_ON: Final = f"{HELD} order by digest for share"
NOTE: Final = """
insert into key_right (digest, entity, id, participant, until_ms)
select * from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::bigint[]) on conflict do nothing
"""
# Both parties of a dispute need again what the lease read.
DISPUTE: Final = """
insert into key_right (digest, entity, id, participant)
select r.digest, 'dispute', $1, p from key_right r, unnest($3::text[]) as p where r.entity = 'lease' and r.id = $2
on conflict do nothing
"""
RIGHTS: Final = """
select r.digest, r.entity, r.id, r.participant, r.until_ms, s.state, exists (
    select from lease l join said c on c.job_id = l.job_id and c.type = 'lease.committed' and c.about = l.lease_id
    where r.entity = 'lease' and l.lease_id = r.id
) from key_right r left join life s on s.entity = r.entity and s.id = r.id
where r.digest = any($1::text[]) and ($2::text is null or r.participant = $2) order by r.entity, r.id
"""
RELEASE: Final = """
insert into key_release (digest, reader, basis, job_id, released_ms, told)
values ($1, $2, $3, (select job_id from lease where lease_id = $3 union select job_id from spare where spare_id = $3),
    $4, $5)
on conflict do nothing returning job_id
"""
HAS_HAD: Final = "select exists (select from key_release where digest = $1 and reader = $2)"
# Before an audit is over nobody is to know whose it is. One that was sealed in time may wait for others after its
# deadline; of one that was declined no end is heard here.
UNHEARD_MS: Final = 86_400_000
TELL: Final = """
update key_release k set told = true
from key_right r left join life s on s.entity = 'audit' and s.id = r.id, data_key d
where not k.told and r.digest = k.digest and r.entity = 'audit' and r.id = k.basis and d.digest = k.digest
and (r.until_ms < $1 or r.id = any($2::text[]) or s.state in ('lapsed', 'upheld', 'overruled', 'paid'))
returning k.digest, d.owner, k.reader, k.basis, k.released_ms
"""
TOLD: Final = """
select digest, reader, min(released_ms) from key_release where told and digest = any($1::text[])
group by digest, reader order by 3, 1, 2
"""
# A seal outlives the results of the last job that was ordered under it.
LEAVING: Final = """
select digest, owner from data_key d
where destroyed_ms is null and ($2::text is null or digest = $2) and (forget_ms is not null or (held_ms < $1
    and not exists (select from key_right r where r.digest = d.digest and r.entity = 'job' and r.until_ms >= $1)))
order by digest for update skip locked
"""
FORGET: Final = "update data_key set forget_ms = coalesce(forget_ms, $2) where digest = $1"
DESTROY: Final = "update data_key set wrapped = null, destroyed_ms = $2 where digest = $1"
REGION: Final = "select terms from offer where provider = $1"


@dataclass(frozen=True, slots=True)
class Held:
    """A key as it is held: wrapped for the holder, or none any more; where the data may be; whether it is to go."""

    digest: str
    owner: str
    wrapped: str | None
    regions: tuple[str, ...]
    is_leaving: bool


class Keys:
    """The keys within one transaction."""

    def __init__(self, tx: Transaction) -> None:
        self.tx = tx
        self._noted: list[Noted] = []
        self._disputes: list[DisputeLodged] = []

    def note(self, event: Event) -> None:
        """Notes the rights that an event gives."""
        if isinstance(event, DisputeLodged):
            self._disputes.append(event)
        self._noted += rights_in(event)

    async def write(self) -> None:
        """Keeps what was noted."""
        noted, self._noted = sorted(self._noted, key=lambda right: right[:4]), []
        if noted:
            await self.tx.execute(NOTE, *map(list, zip(*noted, strict=True)))
        disputes, self._disputes = self._disputes, []
        for lodged in disputes:
            parties = [lodged.provider, lodged.verifier]
            await self.tx.execute(DISPUTE, lodged.dispute_id, lodged.lease_id, parties)

    async def hold(self, digest: str, owner: str, wrapped: str, regions: Sequence[str], now_ms: int) -> Held:
        """The key as it is held now: this one, or one that was held before."""
        await self.tx.execute(HOLD, digest, owner, wrapped, list(regions), now_ms)
        return (await self.held([digest]))[digest]

    async def held(self, digests: Sequence[str]) -> dict[str, Held]:
        """What is held of these, or was."""
        return await self._held(HELD, digests)

    async def relied_on(self, digests: Sequence[str]) -> dict[str, Held]:
        """What is held of these, or was: it stays so to the end of the transaction."""
        return await self._held(RELIED_ON, digests)

    async def _held(self, sql: str, digests: Sequence[str]) -> dict[str, Held]:
        rows = await self.tx.fetch(sql, list(digests))
        return {row[0]: Held(row[0], row[1], row[2], tuple(row[3]), row[4] is not None) for row in rows}

    async def rights(self, digest: str, participant: str | None = None) -> list[Right]:
        """The rights to a key, of one participant or of all."""
        return (await self.rights_to([digest], participant))[digest]

    async def rights_to(self, digests: Sequence[str], participant: str | None = None) -> Mapping[str, list[Right]]:
        """The rights to each of these keys, of one participant or of all."""
        found = defaultdict[str, list[Right]](list)
        for digest, *right in await self.tx.fetch(RIGHTS, list(digests), participant):
            found[digest].append(Right(*right))
        return found

    async def region_of(self, provider: str) -> str | None:
        """Where a provider stands, by the last offer of it that was listed."""
        terms = await self.tx.fetchval(REGION, provider)
        return Offer.model_validate_json(terms).region if terms else None

    async def release(self, held: Held, reader: str, basis: str, told: bool, now_ms: int) -> KeyReleased | None:
        """Writes down that a reader is given the key; the event of it, if it was not before. Of it is `told` now."""
        rows = await self.tx.fetch(RELEASE, held.digest, reader, basis, now_ms, told)
        fact = {"digest": held.digest, "owner": held.owner, "reader": reader, "basis": basis}
        return KeyReleased(**fact, released_ms=now_ms, job_id=rows[0][0]) if rows else None

    async def has_had(self, digest: str, reader: str) -> bool:
        """Whether a reader was ever given a key."""
        return bool(await self.tx.fetchval(HAS_HAD, digest, reader))

    async def tell(self, now_ms: int, over: Sequence[str] = ()) -> list[KeyReleased]:
        """The releases for audits that are over, these among them, each once."""
        names = ("digest", "owner", "reader", "basis", "released_ms")
        rows = await self.tx.fetch(TELL, now_ms - UNHEARD_MS, list(over))
        return [KeyReleased(**dict(zip(names, row, strict=True))) for row in rows]

    async def readers(self, digests: Sequence[str]) -> list[tuple[str, str, int]]:
        """Who has had these keys, as far as it may be told: digest, reader, and when first."""
        return [(row[0], row[1], row[2]) for row in await self.tx.fetch(TOLD, list(digests))]

    async def leaving(self, held_before_ms: int, digest: str | None = None) -> list[tuple[str, str]]:
        """Keys that their owner wants destroyed, or that outlived their blob: digest and owner. They are locked."""
        return [(row[0], row[1]) for row in await self.tx.fetch(LEAVING, held_before_ms, digest)]

    async def forget(self, digest: str, now_ms: int) -> None:
        """Keeps that a key is to be destroyed."""
        await self.tx.execute(FORGET, digest, now_ms)

    async def destroy(self, digest: str, now_ms: int) -> None:
        """Destroys a key."""
        await self.tx.execute(DESTROY, digest, now_ms)
