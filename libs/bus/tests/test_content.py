"""What is stored from a file: the same blob as from memory, a few parts in memory at a time, and never half of two."""

import json
import random
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pytest
from libs.bus.tests.test_participant import serve_blobs

from assay.bus import Bus, Door
from assay.bus.blob_door import DoorBlobs
from assay.bus.blobs import StoredBlobs
from assay.bus.content import Content, content_of
from assay.bus.memory_keeper import MemoryKeeper
from assay.bus.parts import PART_BYTES, PARTS_IN_FLIGHT, offsets
from assay.bus.port import Message
from assay.proof.digest import blob_digest
from assay.schema.errors import Refused

BIG = random.Random(9).randbytes(3 * PART_BYTES + 5)
SIZES = [0, 1, PART_BYTES, PART_BYTES + 1, len(BIG)]
FEW: Final = (PARTS_IN_FLIGHT + 8) * PART_BYTES


@contextmanager
def at_most(traced_bytes: int) -> Iterator[None]:
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < traced_bytes
    finally:
        tracemalloc.stop()


class Sink:
    """A gateway that takes everything and keeps nothing of it."""

    async def ask(self, subject: str, data: bytes, headers: Any = None, timeout_s: float = 1) -> Message:
        if subject != "ask.blob":
            return Message(subject, {}, b"")
        missing = list(offsets(json.loads(data)["total"]))
        return Message(subject, {}, json.dumps({"size": None, "missing": missing}).encode())


class Forgetful(MemoryKeeper):
    """Keeps records alone."""

    async def keep_part(self, owner: str, digest: str, index: int, data: bytes) -> bool:
        return True


@pytest.mark.parametrize("size", SIZES)
async def test_a_file_makes_the_blob_that_its_bytes_make(bus: Bus, size: int, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(BIG[:size])
    assert await bus.blobs.put(tmp_path / "file") == (digest := blob_digest(BIG[:size]))
    assert await bus.blobs.get(digest) == BIG[:size]


@pytest.mark.parametrize("size", SIZES)
async def test_a_participant_uploads_a_file_as_it_would_its_bytes(
    core_and_door: tuple[Bus, Door, str], size: int, tmp_path: Path
) -> None:
    core, door, account = core_and_door
    (tmp_path / "file").write_bytes(BIG[:size])
    await serve_blobs(core, account)
    assert await door.blobs.put(tmp_path / "file") == blob_digest(BIG[:size])
    assert await core.blobs.get(blob_digest(BIG[:size])) == BIG[:size]


@pytest.mark.parametrize("parts", [32, 96])
@pytest.mark.parametrize("blobs", [DoorBlobs(Sink()), StoredBlobs(Forgetful())], ids=["participant", "core"])
async def test_of_a_file_that_is_stored_a_few_parts_are_in_memory(blobs: Any, parts: int, tmp_path: Path) -> None:
    with (tmp_path / "file").open("wb") as file:
        for number in range(parts):
            file.write(bytes([number]) * PART_BYTES)
    with at_most(FEW):
        await blobs.put(tmp_path / "file")


async def test_a_file_that_becomes_shorter_or_another_meanwhile_makes_no_blob(
    core_and_door: tuple[Bus, Door, str], tmp_path: Path
) -> None:
    core, door, account = core_and_door
    await serve_blobs(core, account)
    for late in (BIG[:-1], BIG[:PART_BYTES], bytes(len(BIG))):
        (file := tmp_path / "file").write_bytes(BIG)
        with content_of(file) as content:
            digest = await content.digest()
            file.write_bytes(late)
            with pytest.raises(Refused, match=r"blob\.mismatch"):
                await door.blobs.put(content)
        assert not await core.blobs.has(digest)


async def test_parts_of_what_is_in_memory_are_no_copies() -> None:
    content = Content.of_bytes(BIG)
    with at_most(PART_BYTES):
        assert sum(len(part) for part in content.parts()) == len(BIG)
        assert await content.digest() == blob_digest(BIG)
