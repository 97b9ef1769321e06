"""People at the door: their keys, and what they would say."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from blake3 import blake3

from assay.bus.port import Message
from assay.gateway.claim import Claim
from assay.gateway.keys import Held
from assay.proof import Domain, Key, sign_event, sign_order
from assay.schema.event import Envelope, Event
from assay.schema.job import JobSpec, JobSubmitted, JobWithdrawn
from assay.schema.lease import LeaseGranted, LeaseStarted
from assay.schema.values import Role, derive_id, participant_id

PAYMENT = "0x" + "5a" * 20
DOMAIN = Domain(31337, PAYMENT)


@dataclass(frozen=True)
class Person:
    """A participant with a key and an account."""

    name: str
    role: Role
    key: Key = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "key", Key.from_hex(blake3(self.name.encode()).hexdigest()))

    @property
    def id(self) -> str:
        return participant_id(self.role, self.key.address)

    @property
    def account(self) -> str:
        return f"A{self.name.upper()}"

    def sign(self, event: Event, time_ms: int, domain: Domain = DOMAIN) -> Envelope[Event]:
        """The event as this person says it."""
        return sign_event(self.key, domain, event, self.id, time_ms)

    def claim(self, event: Event, time_ms: int) -> Claim:
        """The event as it arrives at the door."""
        return claim_of(self.account, self.sign(event, time_ms))

    def order(self, job_id: str, deadline_ms: int, spec: JobSpec | None = None) -> JobSubmitted:
        """A job whose order this person signed."""
        spec = spec or JobSpec(kind="noop", params={"segments": 3}, segments=3, segment_units=1)
        signature = sign_order(self.key, DOMAIN, job_id, self.id, spec, 100, deadline_ms)
        return JobSubmitted(
            job_id=job_id,
            requester=self.id,
            spec=spec,
            price_limit=100,
            deadline_ms=deadline_ms,
            order_signature=signature,
        )

    def withdraw(self, job_id: str) -> JobWithdrawn:
        return JobWithdrawn(job_id=job_id, requester=self.id)


class Told(dict[str, str]):
    """Who was told of which blob."""

    async def may_read(self, digest: str, participant: str) -> bool:
        return self.get(digest) == participant


class Keyless:
    """No keys are held."""

    async def relied_on(self, digests: Sequence[str]) -> dict[str, Held]:
        return {}

    async def has_had(self, digest: str, reader: str) -> bool:
        return False


class Crowd:
    """So many of so many verifiers can check any job."""

    def __init__(self, able: int = 0, there: int = 0) -> None:
        self.counts = (able, there)

    async def able(self, spec: JobSpec, now_ms: int) -> tuple[int, int]:
        return self.counts


def claim_of(account: str, said: Envelope[Any], headers: Mapping[str, str] | None = None) -> Claim:
    """A statement as it arrives from an account."""
    subject = f"ingest.{account}.{said.event.type}.{said.event.about}"
    return Claim.of(Message(subject, said.headers() if headers is None else headers, said.data))


def granted(provider: str, requester: str, number: int, fence: int = 1) -> LeaseGranted:
    """A lease as matching grants it."""
    return LeaseGranted(
        lease_id=derive_id("l", number),
        job_id=derive_id("j", number),
        provider=provider,
        fence=fence,
        requester=requester,
        offer_id=derive_id("f", number),
        spec=JobSpec(kind="noop", params={"segments": 3}, segments=3, segment_units=1),
        mega_unit_price=1,
        deadline_ms=2**50,
    )


def started(lease: LeaseGranted) -> LeaseStarted:
    """What the lease's provider says first."""
    return LeaseStarted(lease_id=lease.lease_id, job_id=lease.job_id, provider=lease.provider, fence=lease.fence)


@pytest.fixture(scope="session")
def requester() -> Person:
    return Person("ann", Role.REQUESTER)


@pytest.fixture(scope="session")
def provider() -> Person:
    return Person("bob", Role.PROVIDER)


@pytest.fixture(scope="session")
def rival() -> Person:
    return Person("eve", Role.PROVIDER)
