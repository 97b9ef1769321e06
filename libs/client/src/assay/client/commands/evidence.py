"""Evidence: what accusations and appeals rest on, put where an arbiter finds it, and read by its digest on chain."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from assay.bus.participant import Door, connect_participant
from assay.chain.governed.trail import Trail
from assay.client.errors import BadInput
from assay.client.output import Output
from assay.client.profile import Profile
from assay.schema.errors import AssayError
from assay.schema.values import NO_DIGEST

SHOWN_BYTES_MAX = 16_384


@asynccontextmanager
async def door_of(out: Output) -> AsyncIterator[Door]:
    """The network's door. Raises BadSettings, Unreachable."""
    profile = Profile.find(out.profile)
    door = await connect_participant(profile.nats_url, profile.creds_file)
    try:
        yield door
    finally:
        await door.close()


async def uploaded(out: Output, file: Path) -> bytes:
    """The digest of a file, which everybody can read once an appeal names it. Raises BadSettings, Unreachable."""
    if not file.is_file():
        raise BadInput(f"There is no file {file}.")
    async with door_of(out) as door:
        return bytes.fromhex(await door.blobs.put(file))


async def shown(out: Output, trail: Trail) -> dict[str, dict[str, Any]]:
    """What each side brings, by its name: the digest on chain, and the text that it stands for or why there is none."""
    proposed, appealed = trail.proposed, trail.appealed
    digests = {
        "statement": proposed.evidence.hex() if proposed else NO_DIGEST,
        "appeal": appealed.evidence.hex() if appealed else NO_DIGEST,
    }
    found = {side: {"digest": digest} for side, digest in digests.items() if digest != NO_DIGEST}
    if not found:
        return {}
    try:
        async with door_of(out) as door:
            return {side: each | await text_of(door, each["digest"]) for side, each in found.items()}
    except AssayError as error:
        return {side: each | {"missing": str(error)} for side, each in found.items()}


async def text_of(door: Door, digest: str) -> dict[str, Any]:
    """What a digest stands for, held against it; or why it cannot be read."""
    try:
        data = await door.blobs.get(digest)
    except AssayError as error:
        return {"missing": str(error)}
    return {"bytes": len(data), "text": data[:SHOWN_BYTES_MAX].decode(errors="replace")}
