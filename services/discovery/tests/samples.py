"""Offers, stakes and verdicts, for the tests of discovery."""

from collections.abc import Iterator
from typing import Any

from assay.schema.challenge import (
    ChallengeCalled,
    ChallengeMeasured,
    ChallengeMissed,
    ChallengeRefuted,
    FalseRow,
)
from assay.schema.event import Event
from assay.schema.job import JobExecuted, JobSpec, LeaseShare
from assay.schema.lease import LeaseExecuted, LeaseGranted, LeaseRejected, LeaseVerified
from assay.schema.offer import Offer, OfferAnnounced, OfferWithdrawn, StakeChanged
from assay.schema.values import NO_DIGEST, Capacity, Role, derive_id, participant_id

NOW_MS = 1_800_000_000_000
HOUR_MS = 3_600_000
SLOT_STAKE = 100 * 10**18
GIB = 2**30


def id_of(letter: str, number: int) -> str:
    """An id of an offer or lease."""
    return derive_id(letter, "test", number)


def provider_of(number: int) -> str:
    """The id of a provider."""
    return "p" + (id_of("x", number)[1:] + "a" * 32)[:32]


def announced(number: int = 1, sequence: int = 1, slots: int = 1, **changes: Any) -> OfferAnnounced:
    fields: dict[str, Any] = {
        "offer_id": id_of("f", number),
        "provider": provider_of(number),
        "sequence": sequence,
        "kinds": ("noop",),
        "capacity": Capacity(slots=slots, memory_bytes=8 * GIB),
        "region": "eu",
        "mega_unit_price": 100,
        "expires_ms": NOW_MS + HOUR_MS,
    }
    return OfferAnnounced(**(fields | changes))


def offer_of(**changes: Any) -> Offer:
    return Offer.model_validate(announced(**changes).model_dump())


def staked(number: int = 1, slots: int = 1, block: int = 1, **changes: Any) -> StakeChanged:
    """What is claimed is a unit for each slot, and covered to the last."""
    sums = {"amount": slots * SLOT_STAKE, "claim": slots, "needed": slots * SLOT_STAKE, "turn": block}
    return StakeChanged(provider=provider_of(number), block=block, **(sums | changes))


def taken_back(number: int = 1) -> OfferWithdrawn:
    return OfferWithdrawn(offer_id=id_of("f", number), provider=provider_of(number))


def _fact(number: int, lease: int) -> dict[str, Any]:
    fact = {"lease_id": id_of("l", lease), "job_id": id_of("j", lease), "provider": provider_of(number), "fence": 1}
    return fact | {"verdict_id": id_of("d", lease), "root": NO_DIGEST}


def granted(number: int = 1, lease: int = 1) -> LeaseGranted:
    spec = JobSpec(kind="noop", params={}, segments=1, segment_units=1)
    about = {name: _fact(number, lease)[name] for name in ("lease_id", "job_id", "provider", "fence")}
    more = {"requester": "r" + provider_of(9)[1:], "offer_id": id_of("f", number), "mega_unit_price": 1}
    return LeaseGranted(**about, **more, spec=spec, deadline_ms=NOW_MS + HOUR_MS)


def ended(number: int = 1, lease: int = 1) -> LeaseExecuted:
    return LeaseExecuted(**_fact(number, lease), segments=1, result=NO_DIGEST)


def over(*judged: LeaseVerified | LeaseRejected, number: int = 1) -> Iterator[Event]:
    """The verdicts, each after the grant and the end of its lease."""
    for each in judged:
        about = {"lease_id": each.lease_id, "job_id": each.job_id}
        yield granted(number).model_copy(update=about)
        yield ended(number).model_copy(update=about)
        yield each


def called(number: int = 1, block: int = 1) -> ChallengeCalled:
    return ChallengeCalled(
        **_challenge(number, block), block_hash=NO_DIGEST, nonce=NO_DIGEST, window_ms=1_000, due_ms=NOW_MS + 11_000
    )


def measured(units_per_s: int, number: int = 1, block: int = 1) -> ChallengeMeasured:
    drawn = {"drawn_block": block + 2, "drawn_hash": NO_DIGEST, "spent_ms": 1_000}
    return ChallengeMeasured(**_challenge(number, block), **drawn, units_per_s=units_per_s)


def missed(number: int = 1, block: int = 1, code: str = "challenge.unanswered") -> ChallengeMissed:
    return ChallengeMissed(**_challenge(number, block), code=code)


def refuted(number: int = 1, block: int = 1) -> ChallengeRefuted:
    row = FalseRow(part=0, row=1, claimed="0000", found="1111")
    drawn = {"drawn_block": block + 2, "drawn_hash": NO_DIGEST, "answer": "e"}
    return ChallengeRefuted(**_challenge(number, block), **drawn, rows=(row,))


def _challenge(number: int, block: int) -> dict[str, Any]:
    return {"challenge_id": derive_id("h", number, block), "provider": provider_of(number), "block": block}


def verified(number: int = 1, lease: int = 1, units: int = 1) -> LeaseVerified:
    return LeaseVerified(**_fact(number, lease), segments=1, units=units)


def rejected(number: int = 1, lease: int = 1, code: str = "segment.false") -> LeaseRejected:
    return LeaseRejected(**_fact(number, lease), segment=0, code=code)


def executed(*providers: int, job: int = 1) -> JobExecuted:
    """A job that these had, one after the other, of whom the last finished it."""
    shares = tuple(
        LeaseShare(
            lease_id=derive_id("l", "test", job, fence),
            provider=provider_of(number),
            fence=fence,
            first_segment=0,
            segments=0,
            mega_unit_price=100,
            root=NO_DIGEST,
        )
        for fence, number in enumerate(providers, start=1)
    )
    requester = participant_id(Role.REQUESTER, "0x" + "0a" * 20)
    return JobExecuted(job_id=id_of("j", job), requester=requester, leases=shares, result=NO_DIGEST)
