"""Blobs whole and in parts, in the real store and in its twin."""

import random

import pytest

from assay.bus import Bus, JetStreamBus
from assay.bus.parts import BLOB_BYTES_MAX, PART_BYTES, offsets
from assay.proof.digest import blob_digest
from assay.schema.errors import Refused

BIG = random.Random(7).randbytes(2 * PART_BYTES + 12_345)
BIG_DIGEST = blob_digest(BIG)
SIZES = [0, 1, PART_BYTES - 1, PART_BYTES, PART_BYTES + 1, len(BIG)]


def part(offset: int) -> bytes:
    return BIG[offset : offset + PART_BYTES]


@pytest.mark.parametrize("size", SIZES)
async def test_a_blob_comes_back_as_it_was(bus: Bus, size: int) -> None:
    data = BIG[:size]
    digest = await bus.blobs.put(data)
    assert digest == blob_digest(data)
    assert await bus.blobs.has(digest)
    assert await bus.blobs.size(digest) == size
    assert await bus.blobs.get(digest) == data
    assert await bus.blobs.put(data) == digest


async def test_an_unknown_blob_is_missing(bus: Bus) -> None:
    assert not await bus.blobs.has(BIG_DIGEST)
    for ask in (bus.blobs.get(BIG_DIGEST), bus.blobs.size(BIG_DIGEST), bus.blobs.read(BIG_DIGEST, 0)):
        with pytest.raises(Refused, match=r"blob\.missing"):
            await ask


async def test_parts_in_any_order_make_a_blob_once_it_is_sealed(bus: Bus) -> None:
    for offset in reversed(offsets(len(BIG))):
        await bus.blobs.write(BIG_DIGEST, offset, len(BIG), part(offset), "a1")
    assert not await bus.blobs.has(BIG_DIGEST)
    await bus.blobs.seal(BIG_DIGEST, len(BIG), "a1")
    assert await bus.blobs.get(BIG_DIGEST) == BIG
    assert b"".join([await bus.blobs.read(BIG_DIGEST, offset) for offset in offsets(len(BIG))]) == BIG
    await bus.blobs.seal(BIG_DIGEST, len(BIG), "a1")


async def test_a_broken_upload_tells_what_is_missing(bus: Bus) -> None:
    first, second, third = offsets(len(BIG))
    assert await bus.blobs.missing(BIG_DIGEST, len(BIG), "a1") == [first, second, third]
    await bus.blobs.write(BIG_DIGEST, second, len(BIG), part(second), "a1")
    assert await bus.blobs.missing(BIG_DIGEST, len(BIG), "a1") == [first, third]
    with pytest.raises(Refused, match=r"blob\.missing"):
        await bus.blobs.seal(BIG_DIGEST, len(BIG), "a1")
    for offset in (first, third):
        await bus.blobs.write(BIG_DIGEST, offset, len(BIG), part(offset), "a1")
    await bus.blobs.seal(BIG_DIGEST, len(BIG), "a1")
    assert await bus.blobs.missing(BIG_DIGEST, len(BIG), "a2") == []


async def test_bytes_that_are_not_what_they_are_named_never_become_a_blob(bus: Bus) -> None:
    for offset in offsets(len(BIG)):
        await bus.blobs.write(BIG_DIGEST, offset, len(BIG), bytes(len(part(offset))), "liar")
    with pytest.raises(Refused, match=r"blob\.mismatch"):
        await bus.blobs.seal(BIG_DIGEST, len(BIG), "liar")
    assert not await bus.blobs.has(BIG_DIGEST)


async def test_one_uploader_cannot_spoil_the_upload_of_another(bus: Bus) -> None:
    for offset in offsets(len(BIG)):
        await bus.blobs.write(BIG_DIGEST, offset, len(BIG), part(offset), "a1")
        await bus.blobs.write(BIG_DIGEST, offset, len(BIG), bytes(len(part(offset))), "liar")
    await bus.blobs.seal(BIG_DIGEST, len(BIG), "a1")
    await bus.blobs.write(BIG_DIGEST, 0, len(BIG), bytes(PART_BYTES), "a1")
    assert await bus.blobs.get(BIG_DIGEST) == BIG


@pytest.mark.parametrize(
    ("offset", "total", "size"), [(1, 10, 9), (0, 10, 9), (PART_BYTES, 10, 0), (-PART_BYTES, 10, 10)]
)
async def test_a_part_that_cannot_lie_there_is_refused(bus: Bus, offset: int, total: int, size: int) -> None:
    with pytest.raises(Refused, match=r"blob\.mismatch"):
        await bus.blobs.write(BIG_DIGEST, offset, total, bytes(size), "a1")


@pytest.mark.parametrize("total", [-1, BLOB_BYTES_MAX + 1])
async def test_a_blob_beyond_the_limit_is_refused(bus: Bus, total: int) -> None:
    with pytest.raises(Refused, match=r"blob\.oversized"):
        await bus.blobs.write(BIG_DIGEST, 0, total, b"", "a1")


@pytest.mark.server
async def test_any_client_of_the_object_store_reads_the_blobs(nats_bus: JetStreamBus) -> None:
    digest = await nats_bus.blobs.put(BIG)
    store = await nats_bus.nc.jetstream().object_store("BLOBS")
    assert (await store.get(digest)).data == BIG


@pytest.mark.server
async def test_damage_in_the_store_is_found_on_reading(nats_bus: JetStreamBus) -> None:
    digest = await nats_bus.blobs.put(BIG)
    await nats_bus.nc.jetstream().publish(f"$O.BLOBS.C.core.{digest}.1", bytes(PART_BYTES))
    with pytest.raises(Refused, match=r"blob\.mismatch"):
        await nats_bus.blobs.get(digest)


async def test_a_small_blob_is_kept_at_once_if_it_is_what_it_is_named(bus: Bus) -> None:
    digest = blob_digest(b"small, and kept")
    with pytest.raises(Refused) as refused:
        await bus.blobs.keep(digest, b"something else", "liar")
    assert refused.value.code == "blob.mismatch" and not await bus.blobs.has(digest)
    await bus.blobs.keep(digest, b"small, and kept", "a1")
    assert await bus.blobs.get(digest) == b"small, and kept"
