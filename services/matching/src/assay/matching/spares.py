"""Spares: who keeps warm for a job, how far the job is meanwhile, and when a spare is let go. Pure.

A spare takes no slot, for nobody pays for it: whatever work comes for the slot that it would need goes before it.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Final

from assay.matching.book import Book
from assay.matching.choice import choose
from assay.matching.domain import Ending, Job, Spare, Step, open_lease
from assay.matching.liveness import Held
from assay.matching.offers import ListedOffer, Match
from assay.schema.event import Event
from assay.schema.spare import CALLED, SpareAdvanced, SpareEnded, SpareGranted
from assay.schema.values import derive_id

OVER: Final = Ending("job.over", "The job has ended.")
TAKEN: Final = Ending("slots.taken", "Its provider has no slot left for it.")
GONE: Final = Ending("offer.gone", "Its provider has no offer any more that keeps warm.")
GRANTED: Final = Ending(CALLED, "Its provider was granted the job's lease.")
OWN: Final = "lease.own"


def find(job: Job, book: Book, standing: Mapping[str, int], now_ms: int, excluded: Mapping[str, str]) -> Match | None:
    """The best offer to keep warm for a job that runs: of another provider, in another region if there is one.

    `standing` counts the spares that each provider is already.
    """
    owner = open_lease(job).provider
    free = [offer for offer in book.spares_for(job.spec.kind) if standing.get(offer.provider, 0) < room_of(offer)]
    home = book.offers.get(owner)
    apart = [offer for offer in free if home is None or offer.region != home.region]
    for offers in (apart, free):
        found = choose(job, offers, now_ms, {**excluded, owner: OWN})
        if isinstance(found, Match):
            return found
    return None


def stand_by(job: Job, provider: str, now_ms: int) -> Step:
    """The job with a spare, which begins where the last commitment left it."""
    spare = Spare(derive_id("k", job.job_id, provider, now_ms), provider)
    granted = SpareGranted(
        spare_id=spare.spare_id,
        job_id=job.job_id,
        provider=provider,
        spec=job.spec,
        resume=open_lease(job).point or job.resume,
        deadline_ms=job.deadline_ms,
    )
    return replace(job, spare=spare), [granted]


def advance(job: Job) -> list[Event]:
    """What the job's spare is told after a commitment."""
    point = open_lease(job).point
    if job.spare is None or point is None:
        return []
    spare = job.spare
    return [SpareAdvanced(spare_id=spare.spare_id, job_id=job.job_id, provider=spare.provider, point=point)]


def dismiss(job: Job, ending: Ending) -> Step:
    """The job without a spare; one that has none stays as it is."""
    spare = job.spare
    if spare is None:
        return job, []
    fact = {"spare_id": spare.spare_id, "job_id": job.job_id, "provider": spare.provider}
    return replace(job, spare=None), [SpareEnded(**fact, code=ending.code, reason=ending.reason)]


def crowded(spares: Iterable[Held], offers: Mapping[str, ListedOffer]) -> dict[str, Ending]:
    """Why spares have to go whose providers have no room for them any more, the latest first; by their ids."""
    endings: dict[str, Ending] = {}
    kept: Counter[str] = Counter()
    for spare in spares:
        offer = offers.get(spare.provider)
        if offer is None or not offer.spare:
            endings[spare.lease_id] = GONE
        elif kept[spare.provider] >= room_of(offer):
            endings[spare.lease_id] = TAKEN
        else:
            kept[spare.provider] += 1
    return endings


def room_of(offer: ListedOffer) -> int:
    """How many spares an offer keeps warm: one for each free slot."""
    return offer.slots - offer.taken
