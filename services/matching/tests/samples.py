"""Jobs, offers and what their parties say, for the tests of matching."""

from dataclasses import replace
from typing import Any

from assay.matching.domain import Job
from assay.matching.offers import ListedOffer
from assay.proof.commitment import chain, leaf_of, root_of
from assay.proof.digest import blake3_hex
from assay.proof.order import spec_digest
from assay.schema.job import JobFunded, JobSpec, JobSubmitted, JobUnfunded, JobWithdrawn
from assay.schema.lease import (
    LeaseCommitted,
    LeaseExecuted,
    LeaseFailed,
    LeaseGranted,
    LeaseReleased,
    LeaseStarted,
)
from assay.schema.offer import OfferDelisted, OfferListed
from assay.schema.values import NO_DIGEST, Capacity, Requirements, derive_id

NOW_MS = 1_800_000_000_000
HOUR_MS = 3_600_000
STAKE = 100 * 10**18
SIGNED = "0x" + "ab" * 65
GIB = 2**30


def id_of(letter: str, number: int) -> str:
    """An id of a job, lease or offer."""
    return derive_id(letter, "test", number)


def party(letter: str, number: int) -> str:
    """The id of a provider or requester."""
    return letter + (id_of("x", number)[1:] + "a" * 32)[:32]


def spec_of(segments: int = 4, **requirements: Any) -> JobSpec:
    return JobSpec(kind="noop", segments=segments, segment_units=1_000_000, requirements=Requirements(**requirements))


def job_of(number: int = 1, price_limit: int = 4_000, spec: JobSpec | None = None, **changes: Any) -> Job:
    spec = spec or spec_of()
    job = Job(id_of("j", number), party("r", number), spec, spec_digest(spec), price_limit, NOW_MS + HOUR_MS)
    return replace(job, **changes)


def offer_of(number: int = 1, price: int = 100, **changes: Any) -> ListedOffer:
    offer = ListedOffer(
        provider=party("p", number),
        offer_id=id_of("f", number),
        sequence=1,
        kinds=frozenset({"noop"}),
        slots=1,
        memory_bytes=8 * GIB,
        gpu=None,
        units_per_s=0,
        region="eu",
        mega_unit_price=price,
        expires_ms=NOW_MS + HOUR_MS,
        reputation=500_000,
        stake=STAKE,
        listed_ms=NOW_MS - HOUR_MS,
    )
    return replace(offer, **changes)


def submitted(number: int = 1, price_limit: int = 4_000, spec: JobSpec | None = None, **changes: Any) -> JobSubmitted:
    job = job_of(number, price_limit, spec, **changes)
    return JobSubmitted(
        job_id=job.job_id,
        requester=job.requester,
        spec=job.spec,
        price_limit=job.price_limit,
        deadline_ms=job.deadline_ms,
        order_signature=SIGNED,
    )


def funded(number: int = 1) -> JobFunded:
    return JobFunded(job_id=id_of("j", number), requester=party("r", number), amount=4_000)


def unfunded(number: int = 1) -> JobUnfunded:
    fact = {"job_id": id_of("j", number), "requester": party("r", number)}
    return JobUnfunded(**fact, code="deposit.insufficient", reason="Too little.")


def withdrawn(number: int = 1) -> JobWithdrawn:
    return JobWithdrawn(job_id=id_of("j", number), requester=party("r", number))


def listed(number: int = 1, price: int = 100, sequence: int = 1, slots: int = 1, **changes: Any) -> OfferListed:
    offer = offer_of(number, price)
    fields: dict[str, Any] = {
        "offer_id": offer.offer_id,
        "provider": offer.provider,
        "sequence": sequence,
        "kinds": ("noop",),
        "capacity": Capacity(slots=slots, memory_bytes=offer.memory_bytes),
        "region": offer.region,
        "mega_unit_price": price,
        "expires_ms": offer.expires_ms,
        "reputation": offer.reputation,
        "stake": offer.stake * slots,
    }
    return OfferListed(**(fields | changes))


def delisted(number: int = 1, code: str = "offer.withdrawn") -> OfferDelisted:
    return OfferDelisted(offer_id=id_of("f", number), provider=party("p", number), code=code, reason="Gone.")


def fact_of(granted: LeaseGranted) -> dict[str, Any]:
    return {name: getattr(granted, name) for name in ("lease_id", "job_id", "provider", "fence")}


def started(granted: LeaseGranted) -> LeaseStarted:
    return LeaseStarted(**fact_of(granted))


def commits(granted: LeaseGranted, count: int) -> list[LeaseCommitted]:
    """The commitments of the lease's first `count` segments, as an honest provider makes them."""
    resume = granted.resume
    first = resume.segment + 1 if resume else 0
    state = resume.state if resume else blake3_hex(granted.job_id.encode())
    previous = resume.commitment if resume else NO_DIGEST
    made: list[LeaseCommitted] = []
    for segment in range(first, first + count):
        commit = _committed(granted, segment, state, previous)
        made.append(commit)
        state, previous = commit.state_out, commit.commitment
    return made


def executed(granted: LeaseGranted, made: list[LeaseCommitted]) -> LeaseExecuted:
    root = root_of(made, spec_digest(granted.spec)) if made else NO_DIGEST
    return LeaseExecuted(**fact_of(granted), segments=len(made), root=root, result=blake3_hex(b"result"))


def failed(granted: LeaseGranted, code: str = "job.bad_data") -> LeaseFailed:
    return LeaseFailed(**fact_of(granted), code=code, reason="It does not parse.")


def released(granted: LeaseGranted, code: str | None = None) -> LeaseReleased:
    return LeaseReleased(**fact_of(granted), reason="The host is to be restarted.", code=code)


def _committed(granted: LeaseGranted, segment: int, state: str, previous: str) -> LeaseCommitted:
    out = blake3_hex(f"{state}.{segment}".encode())
    commit = LeaseCommitted(
        **fact_of(granted),
        segment=segment,
        state_in=state,
        state_out=out,
        checkpoint=blake3_hex(out.encode()),
        units=granted.spec.segment_units,
        previous=previous,
        commitment=NO_DIGEST,
        compute_ms=1,
    )
    return commit.model_copy(update={"commitment": chain(previous, leaf_of(commit, spec_digest(granted.spec)))})
