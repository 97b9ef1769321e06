"""The holder of keys: takes the key of a sealed blob, or of a job, from its owner, gives it to whom the work needs it.

A key lies in Postgres wrapped for the holder's own, and leaves wrapped for its reader. Once its owner wants it gone, or
its blob is gone, and nothing is open that needs it, the holder destroys it and signs that it did.
"""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Final

from pydantic import BaseModel, Field, StringConstraints

from assay.bus.keyfile import load_key
from assay.bus.port import BlobStore
from assay.chain.values import Deployment
from assay.gateway.domain import Speaker
from assay.gateway.keys import Held, Keys
from assay.gateway.rights import AUDIT, JOB, bases_of, check_region
from assay.gateway.settings import Settings
from assay.proof.eip712 import Domain, statement_digest
from assay.proof.job_seal import name_of
from assay.proof.keys import PUBLIC_BYTES, Key, address_from, read_public
from assay.proof.sealed import HEAD_BYTES, check_head
from assay.proof.wrapped import WRAPPED_CHARS, unwrap, wrap
from assay.runtime import ServiceSettings, Unit
from assay.schema.errors import Refused
from assay.schema.event import Event
from assay.schema.key import SERVICE, KeyDestroyed
from assay.schema.streams import BLOB_AGE_S
from assay.schema.values import Digest, Region, Role, address_of

# As long as a blob is kept. What a job makes lies as long again: its deadline is no further away. Under one seal others
# may be ordered meanwhile, which count from their own.
KEPT_MS: Final = 1000 * BLOB_AGE_S


class HoldBody(BaseModel):
    """The key of a blob, or of a job by its name, wrapped for the holder; where providers may have it (none: all)."""

    digest: Digest
    wrapped: Annotated[str, StringConstraints(pattern=rf"^[0-9a-f]{{{WRAPPED_CHARS}}}$")]
    regions: Annotated[tuple[Region, ...], Field(max_length=64)] = ()


class AskBody(BaseModel):
    """Which key, and the public key that it is to be wrapped for."""

    digest: Digest
    public: Annotated[str, StringConstraints(pattern=rf"^[0-9a-f]{{{2 * PUBLIC_BYTES}}}$")]


class ForgetBody(BaseModel):
    digest: Digest


@dataclass(frozen=True, slots=True)
class Holder:
    """The holder's own key, and where its signatures count."""

    key: Key
    domain: Domain

    async def hold(self, keys: Keys, blobs: BlobStore, speaker: Speaker, body: Any, now_ms: int) -> dict[str, Any]:
        """Holds a key, for the requester that uploaded its blob or made it for a job. Raises Refused: blob.*, key.*."""
        asked = HoldBody.model_validate(body)
        secret = unwrap(asked.wrapped, self.key, asked.digest)
        if name_of(secret) == asked.digest:
            now_ms += KEPT_MS
        elif not await blobs.holds(speaker.account, asked.digest):
            raise Refused("blob.missing", f"{asked.digest}.")
        else:
            check_head(secret, (await blobs.read(asked.digest, 0))[:HEAD_BYTES])
        held = await keys.hold(asked.digest, speaker.participant, asked.wrapped, asked.regions, now_ms)
        own(held, speaker)
        if held.wrapped is None:
            raise Refused("key.destroyed")
        return {"digest": held.digest, "regions": list(held.regions)}

    async def give(self, unit: Unit, speaker: Speaker, body: Any, now_ms: int) -> dict[str, Any]:
        """The key, for its owner, or a provider or verifier that has a right to it. Raises Refused: key.*, event.*."""
        asked, keys = AskBody.model_validate(body), Keys(unit.tx)
        if address_from(reader_of(asked.public)) != address_of(speaker.participant):
            raise Refused("event.forged", "public: it is not the key of your id.")
        held = await self._held(keys, asked.digest)
        if held.owner == speaker.participant:
            return self._wrapped(held, asked.public)
        if speaker.role is Role.PROVIDER:
            check_region(await keys.region_of(speaker.participant), held.regions)
        for basis in bases_of(await keys.rights(held.digest, speaker.participant), now_ms):
            told = basis.entity != AUDIT
            said = await keys.release(held, speaker.participant, basis.id, told, now_ms)
            if said and told:
                unit.emit(said)
        return self._wrapped(held, asked.public)

    async def give_service(self, unit: Unit, body: Any, now_ms: int) -> dict[str, Any]:
        """The key, for the service that replays. Raises Refused: key.*."""
        asked, keys = AskBody.model_validate(body), Keys(unit.tx)
        reader_of(asked.public)
        held = await self._held(keys, asked.digest)
        if said := await keys.release(held, SERVICE, SERVICE, True, now_ms):
            unit.emit(said)
        return self._wrapped(held, asked.public)

    async def forget(self, unit: Unit, speaker: Speaker, body: Any, now_ms: int) -> dict[str, Any]:
        """Destroys a key of the speaker's, or says which of its jobs are open: then it is once they are not."""
        digest, keys = ForgetBody.model_validate(body).digest, Keys(unit.tx)
        found = (await keys.held([digest])).get(digest)
        if found is None:
            raise Refused("key.unknown")
        own(found, speaker)
        await keys.forget(digest, now_ms)
        for event in await self.destroy(keys, now_ms, digest):
            unit.emit(event)
        is_gone = (await keys.held([digest]))[digest].wrapped is None
        rights = [] if is_gone else await keys.rights(digest, speaker.participant)
        jobs = [right.id for right in rights if right.entity == JOB and right.is_open(now_ms)]
        return {"digest": digest, "destroyed": is_gone, "jobs": jobs}

    async def destroy(self, keys: Keys, now_ms: int, digest: str | None = None) -> list[Event]:
        """Destroys those of the keys that are to go which nothing open needs; what says so, signed."""
        said: list[Event] = []
        leaving = await keys.leaving(now_ms - KEPT_MS, digest)
        rights = await keys.rights_to([name for name, _ in leaving])
        for name, owner in leaving:
            if not any(right.is_open(now_ms) for right in rights[name]):
                await keys.destroy(name, now_ms)
                said.append(self.destroyed(name, owner, now_ms))
        return said

    def destroyed(self, digest: str, owner: str, now_ms: int) -> KeyDestroyed:
        """The holder's signed word that it has destroyed a key."""
        said = statement_digest(self.domain, KeyDestroyed.type, digest, self.key.address, now_ms, b"")
        fact = {"digest": digest, "owner": owner, "holder": self.key.address, "destroyed_ms": now_ms}
        return KeyDestroyed(**fact, signature=self.key.sign(said))

    async def _held(self, keys: Keys, digest: str) -> Held:
        held = (await keys.relied_on([digest])).get(digest)
        if held is None:
            raise Refused("key.unknown")
        if held.wrapped is None:
            raise Refused("key.destroyed")
        return held

    def _wrapped(self, held: Held, public: str) -> dict[str, Any]:
        assert held.wrapped is not None
        secret = unwrap(held.wrapped, self.key, held.digest)
        return {"wrapped": wrap(secret, public, held.digest, Key.generate())}


def own(held: Held, speaker: Speaker) -> None:
    """Raises Refused, key.foreign, unless the key is the speaker's."""
    if held.owner != speaker.participant:
        raise Refused("key.foreign")


def reader_of(public: str) -> Any:
    """The public key of that text. Raises Refused: event.malformed."""
    try:
        return read_public(public)
    except ValueError:
        raise Refused("event.malformed", "public: it is no public key.") from None


def holder_of(settings: ServiceSettings) -> Holder | None:
    """The holder, if the settings name its key. Raises BadSettings."""
    assert isinstance(settings, Settings)
    return load_holder(settings.holder_key_file, settings.deployment_file) if settings.holder_key_file else None


@lru_cache
def load_holder(key_file: Path, deployment_file: Path) -> Holder:
    """The holder whose key is in a file. Raises BadSettings."""
    return Holder(load_key(key_file), Deployment.load(deployment_file).domain)
