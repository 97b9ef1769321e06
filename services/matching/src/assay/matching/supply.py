"""The SQL of offers and slots, and the book that mirrors them in memory."""

from typing import Any, Final

from assay.matching.book import Book
from assay.matching.offers import ListedOffer
from assay.schema.offer import OfferListed
from assay.store import Transaction

LIST: Final = """
with kept as (
    insert into offer as o (provider, offer_id, sequence, said_ms, is_listed, kinds, slots, memory_bytes, gpu,
        units_per_s, region, mega_unit_price, expires_ms, reputation, stake, data, spare, egress, input_bytes,
        listed_ms)
    values ($1, $2, $3, $4, true, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $4)
    on conflict (provider) do update set offer_id = excluded.offer_id, sequence = excluded.sequence,
        said_ms = excluded.said_ms, is_listed = true, kinds = excluded.kinds, slots = excluded.slots,
        memory_bytes = excluded.memory_bytes, gpu = excluded.gpu, units_per_s = excluded.units_per_s,
        region = excluded.region, mega_unit_price = excluded.mega_unit_price, expires_ms = excluded.expires_ms,
        reputation = excluded.reputation, stake = excluded.stake, data = excluded.data, spare = excluded.spare,
        egress = excluded.egress, input_bytes = excluded.input_bytes, changed = default,
        listed_ms = case when o.is_listed and o.mega_unit_price = excluded.mega_unit_price
            then o.listed_ms else excluded.listed_ms end
    where (o.sequence, o.said_ms) < (excluded.sequence, excluded.said_ms)
    returning provider, listed_ms
), widened as (
    insert into slot (provider, slot)
    select provider, generate_series((select coalesce(max(slot) + 1, 0) from slot where provider = $1), $6 - 1)
    from kept on conflict do nothing
)
select listed_ms, (select count(*) from slot s where s.provider = $1 and s.lease_id is not null) as taken from kept
"""
DELIST: Final = """
update offer set is_listed = false, said_ms = $3, changed = default
where provider = $1 and offer_id = $2 and said_ms <= $3 returning provider
"""
LEAVE: Final = "update offer set is_listed = false, changed = default where provider = $1"
CHANGED: Final = """
select o.*, (select count(*) from slot s where s.provider = o.provider and s.lease_id is not null) as taken,
    pg_snapshot_xmin(pg_current_snapshot())::text::bigint as horizon,
    pg_stat_get_bgwriter_stat_reset_time() as crashed
from (select) as always left join offer o on o.provider in (
    select provider from offer where changed >= $1
    union select provider from slot where changed >= $1
    union select unnest($2::text[])
)
"""


class Supply:
    """The questions matching asks of its offers within one transaction."""

    def __init__(self, tx: Transaction, book: Book) -> None:
        self.tx, self.book = tx, book
        self._touched: set[str] = set()
        self._is_fresh = False

    @property
    def is_stale(self) -> bool:
        """Whether there may be more to know than the book does: at first, and again after a doubt."""
        return not self._is_fresh or bool(self.book.doubted)

    async def refresh(self) -> None:
        """Brings the book to what is committed and what this transaction did: once, and again after a doubt."""
        if not self.is_stale:
            return
        wanted = self.book.doubted | (set() if self._is_fresh else self.book.touched)
        for row in await self._changed(wanted):
            self.book.horizon = max(self.book.horizon, row["horizon"])
            if row["provider"] is not None:
                self._mirror(row)
        self.book.doubted -= wanted
        if not self._is_fresh:
            self.book.touched = self.book.touched - wanted | self._touched
        self._is_fresh = True

    async def _changed(self, wanted: set[str]) -> "list[Any]":
        while True:
            horizon = self.book.horizon
            rows = await self.tx.fetch(CHANGED, horizon, sorted(wanted))
            crashed = rows[0]["crashed"]
            # Another transaction of this process may have read a later state meanwhile: an older one must not undo it.
            is_of_now = crashed == self.book.crashed or not horizon
            if is_of_now and horizon <= self.book.horizon <= rows[0]["horizon"]:
                self.book.crashed = crashed
                return rows
            if self.book.horizon == horizon:
                # A crashed server gives numbers again that no kept commit had: all that was read by them is read anew.
                # By now they may have come further than they had, with commits of other replicas among them: what tells
                # of a crash is the time from which on the server counts what it does, which is lost in any.
                self.book.horizon = 0

    def took(self, provider: str, slots: int) -> None:
        """Counts slots as taken by this transaction; as freed if negative."""
        self.touch(provider)
        self.book.take(provider, slots)

    def touch(self, provider: str) -> None:
        """Marks what this transaction changes: the next one reads it anew, should this one fail."""
        self._touched.add(provider)
        self.book.touched.add(provider)

    def doubt(self, provider: str) -> None:
        """Marks what is believed of an offer as wrong: it is read anew before it is used again."""
        self.touch(provider)
        self.book.doubt(provider)

    async def list(self, offer: OfferListed, said_ms: int) -> bool:
        """Keeps a listed offer with its slots; whether it is later than what is known of its provider."""
        terms = (offer.provider, offer.offer_id, offer.sequence, said_ms, list(offer.kinds), offer.capacity.slots)
        claim = (offer.capacity.memory_bytes, offer.capacity.gpu, offer.capacity.units_per_s, offer.region)
        worth = (offer.mega_unit_price, offer.expires_ms, offer.reputation, offer.stake)
        data = [each.commitment for each in offer.data]
        lets = (offer.spare, offer.egress, offer.capacity.input_bytes)
        row = await self.tx.fetchrow(LIST, *terms, *claim, *worth, data, *lets)
        if row is None:
            return False
        self.touch(offer.provider)
        self.book.put(listed_of(offer, row["listed_ms"], row["taken"]))
        return True

    async def delist(self, provider: str, offer_id: str, said_ms: int) -> None:
        """Takes an offer off, unless a later one is known."""
        if await self.tx.fetchval(DELIST, provider, offer_id, said_ms) is not None:
            self.doubt(provider)

    async def leave(self, provider: str) -> None:
        """Takes a provider's offer off until it is listed anew."""
        await self.tx.execute(LEAVE, provider)
        self.doubt(provider)

    def _mirror(self, row: Any) -> None:
        if row["is_listed"]:
            self.book.put(_offer(row))
        else:
            self.book.drop(row["provider"])


def listed_of(offer: OfferListed, listed_ms: int, taken: int) -> ListedOffer:
    """An offer as it was said, with what its table knows."""
    return ListedOffer(
        provider=offer.provider,
        offer_id=offer.offer_id,
        sequence=offer.sequence,
        kinds=frozenset(offer.kinds),
        slots=offer.capacity.slots,
        memory_bytes=offer.capacity.memory_bytes,
        gpu=offer.capacity.gpu,
        units_per_s=offer.capacity.units_per_s,
        region=offer.region,
        mega_unit_price=offer.mega_unit_price,
        expires_ms=offer.expires_ms,
        reputation=offer.reputation,
        stake=offer.stake,
        listed_ms=listed_ms,
        taken=taken,
        data=frozenset(each.commitment for each in offer.data),
        spare=offer.spare,
        egress=offer.egress,
        input_bytes=offer.capacity.input_bytes,
    )


def _offer(row: Any) -> ListedOffer:
    return ListedOffer(
        provider=row["provider"],
        offer_id=row["offer_id"],
        sequence=row["sequence"],
        kinds=frozenset(row["kinds"]),
        slots=row["slots"],
        memory_bytes=row["memory_bytes"],
        gpu=row["gpu"],
        units_per_s=row["units_per_s"],
        region=row["region"],
        mega_unit_price=int(row["mega_unit_price"]),
        expires_ms=row["expires_ms"],
        reputation=row["reputation"],
        stake=int(row["stake"]),
        listed_ms=row["listed_ms"],
        taken=row["taken"],
        data=frozenset(row["data"]),
        spare=row["spare"],
        egress=row["egress"],
        input_bytes=row["input_bytes"],
    )
