"""Blobs that are written to files: what is told of them is believed by nobody before the digest says so."""

import json
import random
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from blake3 import blake3

from assay.bus import Bus
from assay.bus.blob_door import TOTAL_HEADER, DoorBlobs, give_part
from assay.bus.blobs import READ_AHEAD, StoredBlobs
from assay.bus.layout import own_layout
from assay.bus.memory_keeper import MemoryKeeper
from assay.bus.parts import BLOB_BYTES_MAX, PART_BYTES
from assay.bus.port import Message
from assay.bus.records import BlobRecord, write_record
from assay.proof.digest import blob_digest
from assay.schema.errors import Refused

BIG = random.Random(5).randbytes(3 * PART_BYTES + 77)
DIGEST = blob_digest(BIG)
Bend = Callable[[int, str, bytes], tuple[str, bytes]]
"""What is told in place of a part, from where it starts, the size that is told of the blob, and its bytes."""


class Line:
    """A gateway whose every answer may be bent."""

    def __init__(self, bend: Bend) -> None:
        self.store, self.bend, self.asked = StoredBlobs(MemoryKeeper()), bend, list[int]()

    async def ask(self, subject: str, data: bytes, headers: Any = None, timeout_s: float = 1) -> Message:
        body = json.loads(data)
        self.asked.append(body["offset"])
        told: Any = await give_part(self.store, "a", body, True)
        total, part = self.bend(body["offset"], told[0][TOTAL_HEADER], told[1])
        return Message(subject, {TOTAL_HEADER: total}, part)


def later(how: Bend) -> Bend:
    """Bends what comes after the first part."""
    return lambda offset, total, part: how(offset, total, part) if offset else (total, part)


LIES: dict[str, Bend] = {
    "grows": later(lambda offset, total, part: (str(int(total) + PART_BYTES), part)),
    "shrinks": later(lambda offset, total, part: (str(int(total) - 1), part)),
    "is said to be longer": lambda offset, total, part: (str(int(total) + 1), part),
    "is said to be shorter": lambda offset, total, part: (str(PART_BYTES + 1), part),
    "is said to be larger than any": lambda offset, total, part: (str(BLOB_BYTES_MAX + 1), part),
    "is said to have no size": lambda offset, total, part: ("-1", part),
    "has a long part": later(lambda offset, total, part: (total, part + b"x")),
    "has a short part": later(lambda offset, total, part: (total, part[:-1])),
    "is another in the middle": later(lambda offset, total, part: (total, bytes(len(part)))),
    "has a bit flipped": lambda offset, total, part: (total, bytes([part[0] ^ 1]) + part[1:]),
}


@pytest.mark.parametrize("how", LIES)
async def test_a_blob_of_which_a_lie_is_told_leaves_no_file(how: str, tmp_path: Path) -> None:
    line, file = Line(LIES[how]), tmp_path / "file"
    assert await line.store.put(BIG) == DIGEST
    door = DoorBlobs(line)
    for take in (door.save(DIGEST, file), door.get(DIGEST)):
        with pytest.raises(Refused, match=r"blob\.(mismatch|oversized)"):
            await take
    assert not file.exists()
    # Of a download that was begun honestly nothing is kept either, and it is begun anew once.
    file.write_bytes(BIG[: 2 * PART_BYTES + 5])
    with pytest.raises(Refused, match=r"blob\.(mismatch|oversized)"):
        await door.save(DIGEST, file)
    assert not file.exists() and len(line.asked) < 20


async def test_a_line_that_breaks_leaves_a_beginning_and_a_blob_that_is_gone_nothing(tmp_path: Path) -> None:
    def breaks(offset: int, total: str, part: bytes) -> tuple[str, bytes]:
        if offset == 3 * PART_BYTES and not mended:
            raise Refused("blob.missing") if gone else ZeroDivisionError
        return total, part

    mended, gone, file = False, False, tmp_path / "file"
    line = Line(breaks)
    await line.store.put(BIG)
    with pytest.raises(ZeroDivisionError):
        await DoorBlobs(line).save(DIGEST, file)
    assert BIG.startswith(file.read_bytes()) and file.stat().st_size
    gone = True
    with pytest.raises(Refused, match=r"blob\.missing"):
        await DoorBlobs(line).save(DIGEST, file)
    assert not file.exists()
    mended = True
    await DoorBlobs(line).save(DIGEST, file)
    assert file.read_bytes() == BIG


@pytest.mark.parametrize("size", [0, 1, PART_BYTES, PART_BYTES + 1, len(BIG)])
async def test_the_store_writes_a_blob_to_a_file_as_it_was(bus: Bus, size: int, tmp_path: Path) -> None:
    digest = await bus.blobs.put(BIG[:size])
    (tmp_path / "file").write_bytes(BIG)
    await bus.blobs.save(digest, tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == BIG[:size]
    with pytest.raises(Refused, match=r"blob\.missing"):
        await bus.blobs.save("0" * 64, tmp_path / "none")
    assert not (tmp_path / "none").exists()


async def test_of_a_blob_that_is_written_to_a_file_a_few_parts_are_in_memory(tmp_path: Path) -> None:
    class Endless(MemoryKeeper):
        async def part(self, owner: str, digest: str, index: int) -> bytes | None:
            return bytes([index]) * PART_BYTES

    parts, keeper = 4 * READ_AHEAD, Endless()
    found = blake3()
    for index in range(parts):
        found.update(bytes([index]) * PART_BYTES)
    record = BlobRecord(parts * PART_BYTES, "core", own_layout(found.hexdigest(), 0))
    await keeper.keep_record(name := found.hexdigest(), write_record(name, record, bytes(32), 0))
    tracemalloc.start()
    try:
        await StoredBlobs(keeper).save(name, tmp_path / "file")
        assert tracemalloc.get_traced_memory()[1] < (READ_AHEAD + 8) * PART_BYTES
    finally:
        tracemalloc.stop()
    assert (tmp_path / "file").stat().st_size == parts * PART_BYTES


@pytest.mark.parametrize("damaged", [bytes(PART_BYTES), b"", BIG])
async def test_what_the_store_has_damaged_leaves_no_file(damaged: bytes, tmp_path: Path) -> None:
    class Damaged(MemoryKeeper):
        async def part(self, owner: str, digest: str, index: int) -> bytes | None:
            return damaged if index == 1 else await super().part(owner, digest, index)

    blobs = StoredBlobs(Damaged())
    digest = await blobs.put(BIG)
    with pytest.raises(Refused, match=r"blob\.mismatch"):
        await blobs.save(digest, tmp_path / "file")
    assert not (tmp_path / "file").exists()


async def test_a_blob_of_more_parts_than_may_be_asked_for_at_once_comes_when_its_turn_does(tmp_path: Path) -> None:
    line, refused = Line(lambda offset, total, part: (total, part)), list[int]()
    digest = await line.store.put(BIG)

    class Busy:
        async def ask(self, subject: str, data: bytes, headers: Any = None, timeout_s: float = 1) -> Message:
            if len(refused) < 20:
                refused.append(json.loads(data)["offset"])
                raise Refused("rate.exceeded", retry_after_s=0.001)
            return await line.ask(subject, data, headers, timeout_s)

    await DoorBlobs(Busy()).save(digest, tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == BIG and len(refused) == 20
