"""Jobs as settlement hears of them: one lease of one segment each, signed by who says it, whole and verified."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count, cycle
from typing import Any, Final

from assay.bus.port import Record
from assay.proof.commitment import chain, leaf_of, root_of
from assay.proof.digest import blake3_hex
from assay.proof.eip712 import Domain
from assay.proof.keys import Key
from assay.proof.order import sign_order, spec_digest
from assay.proof.statement import sign_event
from assay.schema.event import Envelope, Event
from assay.schema.job import JobExecuted, JobSpec, JobSubmitted, JobVerified, LeaseShare
from assay.schema.lease import LeaseCommitted, LeaseExecuted, LeaseGranted, LeaseVerified
from assay.schema.values import NO_DIGEST, Role, derive_id, participant_id
from assay.schema.verdict import Finding, VerdictReached

UNITS: Final = 1000
MEGA_UNIT_PRICE: Final = 3_000_000
PRICE_LIMIT: Final = 4_000
LIFE_MS: Final = 24 * 3_600_000
SPEC: Final = JobSpec(kind="noop", segments=1, segment_units=UNITS)
NUMBERS: Final = count(1)


@dataclass(frozen=True, slots=True)
class Told:
    """All that is said of one job until it is verified; the last of it is the verdict on the job."""

    job_id: str
    records: tuple[Record, ...]


@dataclass(frozen=True, slots=True)
class Maker:
    """Makes jobs of one requester, done by providers in turn."""

    domain: Domain
    requester: Key
    providers: tuple[Key, ...]

    def jobs(self) -> Iterator[Told]:
        """One after the other, for ever; none twice in a process."""
        for number, provider in zip(NUMBERS, cycle(self.providers), strict=False):
            yield self.job(number, provider)

    def job(self, number: int, provider: Key) -> Told:
        """One job."""
        now_ms = time.time_ns() // 1_000_000
        job_id, lease_id = derive_id("j", number), derive_id("l", number)
        payer = participant_id(Role.REQUESTER, self.requester.address)
        payee = participant_id(Role.PROVIDER, provider.address)
        job = {"job_id": job_id, "requester": payer}
        lease = {"lease_id": lease_id, "job_id": job_id, "provider": payee, "fence": 1}
        terms: dict[str, Any] = job | {"spec": SPEC, "price_limit": PRICE_LIMIT, "deadline_ms": now_ms + LIFE_MS}
        order = JobSubmitted(**terms, order_signature=sign_order(self.requester, self.domain, **terms))
        commit = committed(lease, number)
        root = root_of([commit], spec_digest(SPEC))
        result = digest_of(number, "result")
        signed = (
            sign_event(self.requester, self.domain, order, payer, now_ms),
            sign_event(provider, self.domain, commit, payee, now_ms),
            sign_event(
                provider, self.domain, LeaseExecuted(**lease, segments=1, root=root, result=result), payee, now_ms
            ),
        )
        stated = [Envelope.wrap(event, source, now_ms) for source, event in said_by_services(job, lease, commit, root)]
        said: tuple[Envelope[Any], ...] = (signed[0], stated[0], *signed[1:], *stated[1:])
        return Told(job_id, tuple(Record(each.id, each.subject, each.headers(), each.data) for each in said))


def committed(lease: dict[str, Any], number: int) -> LeaseCommitted:
    """The only commitment of a lease."""
    states = {"state_in": digest_of(number, "in"), "state_out": digest_of(number, "out")}
    more: dict[str, Any] = {"segment": 0, "checkpoint": digest_of(number, "blob"), "units": UNITS, "compute_ms": 7}
    bare = LeaseCommitted(**lease, **states, **more, previous=NO_DIGEST, commitment=NO_DIGEST)
    return bare.model_copy(update={"commitment": chain(NO_DIGEST, leaf_of(bare, spec_digest(SPEC)))})


def said_by_services(
    job: dict[str, Any], lease: dict[str, Any], commit: LeaseCommitted, root: str
) -> tuple[tuple[str, Event], ...]:
    """What matching and verification say of the job, in its order."""
    names = {key: lease[key] for key in ("lease_id", "provider", "fence")}
    share = LeaseShare(**names, first_segment=0, segments=1, mega_unit_price=MEGA_UNIT_PRICE, root=root)
    finding = Finding(segment=0, method="replay", passed=True, code="segment.equal", claimed=commit.state_out)
    verdict_id = derive_id("d", root)
    about = {key: lease[key] for key in ("lease_id", "job_id", "provider")} | {"requester": job["requester"]}
    drawn = {"block": 9, "seed": digest_of(root), "drawn": (0,), "findings": (finding,), "audit_ms": 1, "job_ms": 100}
    offer = {"offer_id": derive_id("f", lease["provider"]), "mega_unit_price": MEGA_UNIT_PRICE}
    until = {"spec": SPEC, "deadline_ms": time.time_ns() // 1_000_000 + LIFE_MS}
    return (
        ("matching", LeaseGranted(**lease, **offer, **until, requester=job["requester"])),
        ("matching", JobExecuted(**job, leases=(share,), result=commit.state_out)),
        ("verification", VerdictReached(verdict_id=verdict_id, **about, outcome="passed", root=root, **drawn)),
        ("verification", LeaseVerified(**lease, verdict_id=verdict_id, root=root, segments=1, units=UNITS)),
        ("verification", JobVerified(**job, cost_share_ppm=1)),
    )


def digest_of(*parts: object) -> str:
    """The digest of some values."""
    return blake3_hex(repr(parts).encode())
