"""What somebody claims at the door, before anything of it is believed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Final, Protocol, Self

from assay.bus.port import Message
from assay.gateway.domain import Known, Rates, Speaker
from assay.gateway.keys import Held
from assay.proof.eip712 import Domain
from assay.schema.errors import Refused
from assay.schema.event import Envelope, Event, decode
from assay.schema.job import JobSpec

TEXT_MAX: Final = 120


@dataclass
class Claim:
    """A message on `ingest.<account>.<entity>.<event>.<about>`."""

    account: str
    type: str
    about: str
    headers: Mapping[str, str]
    data: bytes

    @classmethod
    def of(cls, message: Message) -> Self:
        """The claim in a message, whose subject the bus has held to five tokens."""
        _, account, entity, event, about = message.subject.split(".")
        return cls(account, f"{entity}.{event}", about, message.headers, message.data)

    @property
    def id(self) -> str:
        """The id that the statement claims for itself."""
        return self.headers.get("ce-id", "")

    @property
    def source(self) -> str:
        """Who it claims to be from."""
        return self.headers.get("ce-source", "")

    @cached_property
    def envelope(self) -> Envelope[Event]:
        """The statement, decoded. Cause and trace are left out: they are not signed. Raises Refused."""
        return replace(decode(self.headers, self.data), cause=None, traceparent=None)

    @property
    def event(self) -> Event:
        return self.envelope.event


class BlobStore(Protocol):
    """What the checks ask of the blobs."""

    async def holds(self, owner: str, digest: str, is_fresh: bool) -> bool: ...

    async def has(self, digest: str, is_fresh: bool) -> bool: ...

    async def size(self, digest: str) -> int: ...

    async def until_s(self, digest: str) -> int: ...


class Readers(Protocol):
    """What the checks ask of the rights to read."""

    async def may_read(self, digest: str, participant: str) -> bool: ...


class Keys(Protocol):
    """What the checks ask of the keys of sealed blobs."""

    async def relied_on(self, digests: Sequence[str]) -> Mapping[str, Held]: ...

    async def has_had(self, digest: str, reader: str) -> bool: ...


class Verifiers(Protocol):
    """What the checks ask of the verifiers that are there."""

    async def able(self, spec: JobSpec, now_ms: int) -> tuple[int, int]: ...


@dataclass(frozen=True, slots=True)
class Desk:
    """What a claim is held against."""

    domain: Domain
    known: Known
    rates: Rates
    blobs: BlobStore
    readers: Readers
    keys: Keys
    verifiers: Verifiers
    now_ms: int

    def speaker(self, claim: Claim) -> Speaker:
        """Whose the claim's account is. Raises Refused: speaker.unknown, speaker.revoked."""
        return admit(self.known.speakers.get(claim.account))


def admit(speaker: Speaker | None) -> Speaker:
    """The speaker, if it has access. Raises Refused: speaker.unknown, speaker.revoked."""
    if speaker is None:
        raise Refused("speaker.unknown")
    if speaker.is_revoked:
        raise Refused("speaker.revoked")
    return speaker


def legible(text: Any) -> str:
    """A stranger's text, fit for tables and logs: printable, ASCII, short."""
    plain = str(text).encode("ascii", "replace").decode()
    return "".join(character if character.isprintable() else "?" for character in plain)[:TEXT_MAX]
