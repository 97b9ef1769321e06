"""The offers in memory, ordered by price for each kind of work: a cache of Postgres, which has the last word on slots.

What it believes may be a moment old: a slot is taken only under a lock in Postgres, and an offer that could not be
taken is doubted until it was read again.
"""

from bisect import bisect_left, insort
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Final, TypeAlias

from assay.matching.choice import choose
from assay.matching.domain import Job
from assay.matching.offers import ListedOffer, Match

# Offers are weighed in pages of rising price; a dearer page is looked at only if a cheaper one holds none that fits.
PAGE: Final = 64

Place: TypeAlias = tuple[int, int, str]


class Book:
    """Every listed offer, by provider.

    `horizon` is the transaction from which on changes are not read yet, `crashed` when the server that numbers them
    last lost its count, `doubted` must be read before the next choice, `touched` was changed by transactions that may
    fail yet.
    """

    def __init__(self) -> None:
        self.offers: dict[str, ListedOffer] = {}
        self.horizon = 0
        self.crashed: datetime | None = None
        self.doubted: set[str] = set()
        self.touched: set[str] = set()
        self._free: defaultdict[str, list[Place]] = defaultdict(list)
        self._warm: defaultdict[str, list[Place]] = defaultdict(list)
        self._listed: Counter[str] = Counter()

    def put(self, offer: ListedOffer) -> None:
        """Keeps an offer in place of the one that its provider had."""
        self.drop(offer.provider)
        self.offers[offer.provider] = offer
        self._listed.update(offer.kinds)
        for places in self._places_of(offer):
            insort(places, _place(offer))

    def drop(self, provider: str) -> None:
        """Forgets a provider's offer."""
        offer = self.offers.pop(provider, None)
        if offer is None:
            return
        self._listed.subtract(offer.kinds)
        for places in self._places_of(offer):
            del places[bisect_left(places, _place(offer))]

    def take(self, provider: str, slots: int) -> None:
        """Counts slots of an offer as taken; as freed if negative."""
        offer = self.offers.get(provider)
        if offer:
            self.put(replace(offer, taken=max(0, offer.taken + slots)))

    def doubt(self, provider: str) -> None:
        """Leaves an offer out, because what is believed of it proved wrong, until it is read again."""
        self.drop(provider)
        self.doubted.add(provider)

    def find(self, job: Job, now_ms: int, excluded: Mapping[str, str]) -> Match | dict[str, int]:
        """The best offer for the job, or each reason with how many offers it keeps out."""
        kind = job.spec.kind
        places = self._free[kind]
        reasons = Counter({"kind.other": len(self.offers) - self._listed[kind]})
        reasons["slots.taken"] = self._listed[kind] - len(places)
        for first in range(0, len(places), PAGE):
            page = [self.offers[place[2]] for place in places[first : first + PAGE]]
            found = choose(job, page, now_ms, excluded)
            if isinstance(found, Match):
                return found
            reasons.update(found)
        return dict(+reasons) or {"offers.none": 0}

    def spares_for(self, kind: str) -> list[ListedOffer]:
        """The offers with a free slot that keep warm for work of this kind, the cheapest first."""
        return [self.offers[place[2]] for place in self._warm[kind]]

    @property
    def warm_kinds(self) -> list[str]:
        """The kinds of work for which an offer with a free slot keeps warm."""
        return sorted(kind for kind, places in self._warm.items() if places)

    def _places_of(self, offer: ListedOffer) -> list[list[Place]]:
        """Where an offer stands while it has a free slot."""
        lists = (self._free, self._warm) if offer.spare else (self._free,)
        return [list_[kind] for list_ in lists for kind in offer.kinds] if offer.is_free else []


def _place(offer: ListedOffer) -> Place:
    return (offer.mega_unit_price, offer.listed_ms, offer.provider)
