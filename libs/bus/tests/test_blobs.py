"""Blobs whole and in parts, in the real store and in its twin."""

import asyncio
import base64
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from obstore.store import S3Store

from assay.bus import BlobStore, Bus, JetStreamBus, Record
from assay.bus.api import call
from assay.bus.blobs import BORROWED_AGE_S_MAX, StoredBlobs
from assay.bus.bucket_keeper import BucketKeeper, open_bucket
from assay.bus.memory_keeper import MemoryKeeper
from assay.bus.nats_keeper import NatsKeeper
from assay.bus.parts import BLOB_BYTES_MAX, PART_BYTES, offsets
from assay.bus.port import Base
from assay.bus.publisher import publish_batch
from assay.bus.streams import LANE_STREAMS, LANES
from assay.proof.digest import blob_digest
from assay.schema.errors import BadSettings, Refused, Retry

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


async def test_what_a_service_puts_is_written_once_and_asked_for_by_nobody() -> None:
    calls = list[str]()

    class Counted(MemoryKeeper):
        async def record(self, name: str) -> bytes | None:
            calls.append("record")
            return await super().record(name)

        async def keep_part(self, owner: str, digest: str, index: int, data: bytes) -> bool:
            calls.append("keep part")
            return await super().keep_part(owner, digest, index, data)

        async def keep_record(self, name: str, record: bytes) -> bool:
            calls.append("keep record")
            return await super().keep_record(name, record)

    blobs = StoredBlobs(keeper := Counted())
    for _ in range(2):
        await blobs.put(b"a receipt")
    assert calls == ["keep record"]
    again = StoredBlobs(keeper)
    assert await again.get(await again.put(b"a receipt")) == b"a receipt" and await again.holds(
        "core", blob_digest(b"a receipt")
    )


async def test_a_blob_in_its_record_is_checked_as_any_other_and_who_uploads_it_has_parts_to_borrow() -> None:
    blobs, data = StoredBlobs(keeper := MemoryKeeper()), b"a receipt"
    digest = await blobs.put(data)
    raw = await keeper.record(digest)
    assert raw is not None and await keeper.kept("core", digest) == set()
    for damaged in (raw.replace(base64.b64encode(data), b"AAAA"), raw.replace(b'"bytes": "', b'"bytes": "?')):
        bent = MemoryKeeper()
        await bent.keep_record(digest, damaged)
        with pytest.raises(Refused, match=r"blob\.mismatch"):
            await StoredBlobs(bent).get(digest)
    await blobs.keep(digest, data, "a1")
    assert await keeper.kept("a1", digest) == {0} and await blobs.read(digest, 0) == data


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
    assert await bus.blobs.missing(BIG_DIGEST, len(BIG), "a1") == []


async def test_who_knows_a_digest_holds_nothing_and_who_has_the_bytes_earns_it(bus: Bus) -> None:
    """A stranger is told what it would be told if nobody had the blob, until its own bytes have made it whole."""
    for offset in offsets(len(BIG)):
        await bus.blobs.write(BIG_DIGEST, offset, len(BIG), part(offset), "a1")
    await bus.blobs.seal(BIG_DIGEST, len(BIG), "a1")
    assert await bus.blobs.missing(BIG_DIGEST, len(BIG), "a2") == list(offsets(len(BIG)))
    for base in (None, (BIG_DIGEST, [(0, 0, 2)])):
        with pytest.raises(Refused, match=r"blob\.missing"):
            await bus.blobs.seal(BIG_DIGEST, len(BIG), "a2", base)
    for offset in offsets(len(BIG)):
        await bus.blobs.write(BIG_DIGEST, offset, len(BIG), bytes(len(part(offset))), "liar")
        await bus.blobs.write(BIG_DIGEST, offset, len(BIG), part(offset), "a2")
    with pytest.raises(Refused, match=r"blob\.mismatch"):
        await bus.blobs.seal(BIG_DIGEST, len(BIG), "liar")
    assert [await bus.blobs.holds(owner, BIG_DIGEST) for owner in ("a1", "a2", "liar")] == [True, False, False]
    await bus.blobs.seal(BIG_DIGEST, len(BIG), "a2")
    assert [await bus.blobs.holds(owner, BIG_DIGEST) for owner in ("a1", "a2", "liar")] == [True, True, False]
    assert await bus.blobs.missing(BIG_DIGEST, len(BIG), "a2") == []
    assert await bus.blobs.get(BIG_DIGEST) == BIG


async def test_of_all_who_upload_a_blob_at_once_each_holds_it(bus: Bus) -> None:
    data, owners = b"made by many at once", [f"a{number}" for number in range(8)]
    digest = blob_digest(data)
    await asyncio.gather(*(bus.blobs.keep(digest, data, owner) for owner in owners))
    assert all([await bus.blobs.holds(owner, digest) for owner in owners])
    assert not await bus.blobs.holds("another", digest) and await bus.blobs.get(digest) == data


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


async def test_what_was_uploaded_never_changes_not_even_while_it_is_sealed(bus: Bus) -> None:
    """A part that changed after it was read would make a whole blob of what is none."""
    for offset in offsets(len(BIG)):
        await bus.blobs.write(BIG_DIGEST, offset, len(BIG), part(offset), "a1")
    with pytest.raises(Refused, match=r"blob\.mismatch"):
        await bus.blobs.write(BIG_DIGEST, 0, len(BIG), bytes(PART_BYTES), "a1")
    await bus.blobs.seal(BIG_DIGEST, len(BIG), "a1")
    assert await bus.blobs.get(BIG_DIGEST) == BIG
    small = blob_digest(b"small")
    await bus.blobs.write(small, 0, 5, b"false", "a1")
    with pytest.raises(Refused, match=r"blob\.mismatch"):
        await bus.blobs.keep(small, b"small", "a1")
    assert not await bus.blobs.has(small)


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
async def test_any_client_of_the_object_store_reads_blobs_of_one_part(nats_bus: JetStreamBus) -> None:
    digest = await nats_bus.blobs.put(BIG[:PART_BYTES])
    store = await nats_bus.nc.jetstream().object_store("BLOBS")
    assert (await store.get(digest)).data == BIG[:PART_BYTES]


@pytest.mark.server
async def test_small_blobs_that_are_kept_at_once_share_a_few_writes(
    nats_bus: JetStreamBus, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes = list[int]()

    async def counted(nc: Any, batch: Sequence[Record]) -> None:
        sizes.append(len(batch))
        await publish_batch(nc, batch)

    monkeypatch.setattr("assay.bus.nats_keeper.publish_batch", counted)
    blobs = [f"the blob {number % 30}".encode() for number in range(40)]
    digests = await asyncio.gather(*map(nats_bus.blobs.put, blobs))
    assert [await nats_bus.blobs.get(digest) for digest in digests] == blobs
    assert len(sizes) <= 10 and sum(sizes) == 40


@pytest.mark.server
async def test_of_many_that_are_kept_at_once_each_finds_out_whether_it_is_the_first(nats_bus: JetStreamBus) -> None:
    keeper = NatsKeeper(nats_bus.nc)
    assert await keeper.keep_part("a1", BIG_DIGEST, 3, b"first")
    kept = await asyncio.gather(*(keeper.keep_part("a1", BIG_DIGEST, number, b"second") for number in range(6)))
    assert kept == [True, True, True, False, True, True]
    assert await keeper.part("a1", BIG_DIGEST, 3) == b"first"


@pytest.mark.server
async def test_parts_that_are_written_at_once_lie_in_as_many_streams(nats_bus: JetStreamBus) -> None:
    data = random.Random(3).randbytes((LANES + 1) * PART_BYTES + 5)
    digest = await nats_bus.blobs.put(data)
    counts = [(await call(nats_bus.nc, f"STREAM.INFO.{name}"))["state"]["messages"] for name in LANE_STREAMS]
    # In the bucket are the first part, the ninth and the record.
    assert counts == [3, 2, *[1] * (LANES - 2)]
    assert await nats_bus.blobs.get(digest) == data
    assert await NatsKeeper(nats_bus.nc).kept("core", digest) == set(range(LANES + 2))


@pytest.mark.server
async def test_what_was_stored_before_there_were_lanes_is_read_carried_on_and_let_go(nats_bus: JetStreamBus) -> None:
    first, second, third = offsets(len(BIG))
    for offset in (first, second):
        await nats_bus.nc.jetstream().publish(f"$O.BLOBS.C.a1.{BIG_DIGEST}.{offset // PART_BYTES}", part(offset))
    assert await nats_bus.blobs.missing(BIG_DIGEST, len(BIG), "a1") == [third]
    await nats_bus.blobs.write(BIG_DIGEST, third, len(BIG), part(third), "a1")
    await nats_bus.blobs.seal(BIG_DIGEST, len(BIG), "a1")
    assert await nats_bus.blobs.get(BIG_DIGEST) == BIG
    keeper = NatsKeeper(nats_bus.nc)
    await keeper.drop_parts("a1", BIG_DIGEST, {1})
    assert await keeper.kept("a1", BIG_DIGEST) == {0, 2} and await keeper.part("a1", BIG_DIGEST, 1) is None
    await nats_bus.blobs.let_go("a1", BIG_DIGEST)
    assert await keeper.kept("a1", BIG_DIGEST) == set()


@pytest.mark.server
async def test_damage_in_the_store_is_found_on_reading(nats_bus: JetStreamBus) -> None:
    digest = await nats_bus.blobs.put(BIG)
    await nats_bus.nc.jetstream().publish(f"$O.BLOBS.P.1.core.{digest}.1", bytes(PART_BYTES))
    with pytest.raises(Refused, match=r"blob\.mismatch"):
        await nats_bus.blobs.get(digest)


async def test_a_small_blob_is_kept_at_once_if_it_is_what_it_is_named(bus: Bus) -> None:
    digest = blob_digest(b"small, and kept")
    with pytest.raises(Refused) as refused:
        await bus.blobs.keep(digest, b"something else", "liar")
    assert refused.value.code == "blob.mismatch" and not await bus.blobs.has(digest)
    await bus.blobs.keep(digest, b"small, and kept", "a1")
    assert await bus.blobs.get(digest) == b"small, and kept"


BASE = random.Random(8).randbytes(4 * PART_BYTES + 77)
BASE_DIGEST = blob_digest(BASE)
LATER = BASE[:PART_BYTES] + BIG[:PART_BYTES] + BASE[2 * PART_BYTES :]
LATER_DIGEST = blob_digest(LATER)


async def lend(blobs: BlobStore, owner: str = "a1") -> None:
    """A base of the owner's, and of the blob after it the parts that are new."""
    for offset in offsets(len(BASE)):
        await blobs.write(BASE_DIGEST, offset, len(BASE), BASE[offset : offset + PART_BYTES], owner)
    await blobs.seal(BASE_DIGEST, len(BASE), owner)
    for offset in (PART_BYTES, 4 * PART_BYTES):
        await blobs.write(LATER_DIGEST, offset, len(LATER), LATER[offset : offset + PART_BYTES], "a1")


async def test_a_blob_borrows_the_parts_that_its_base_has(bus: Bus) -> None:
    await lend(bus.blobs)
    await bus.blobs.seal(LATER_DIGEST, len(LATER), "a1", (BASE_DIGEST, [(0, 0, 1), (2, 2, 2)]))
    assert await bus.blobs.get(LATER_DIGEST) == LATER
    assert b"".join([await bus.blobs.read(LATER_DIGEST, offset) for offset in offsets(len(LATER))]) == LATER


@pytest.mark.parametrize(
    ("owner", "base", "code"),
    [
        ("a1", (BASE_DIGEST, [(0, 0, 1), (2, 1, 2)]), "blob.mismatch"),
        ("a1", (BASE_DIGEST, [(0, 0, 1), (2, 2, 3)]), "blob.mismatch"),
        ("a1", (BASE_DIGEST, [(2, 2, 2), (0, 0, 1)]), "blob.mismatch"),
        ("a1", (BASE_DIGEST, [(0, 0, 99_999)]), "blob.mismatch"),
        ("a1", (BASE_DIGEST, [(0, 0, 1)]), "blob.missing"),
        ("a1", (LATER_DIGEST, [(0, 0, 1)]), "blob.missing"),
        ("a2", (BASE_DIGEST, [(0, 0, 1), (2, 2, 2)]), "blob.missing"),
    ],
    ids=["other parts", "beyond the end", "out of order", "absurd", "too few", "itself", "of another owner"],
)
async def test_what_cannot_be_borrowed_makes_no_blob(owner: str, base: Base, code: str) -> None:
    blobs = StoredBlobs(MemoryKeeper())
    await lend(blobs, owner)
    with pytest.raises(Refused) as refused:
        await blobs.seal(LATER_DIGEST, len(LATER), "a1", base)
    assert refused.value.code == code and not await blobs.has(LATER_DIGEST)


async def test_a_bucket_keeps_blobs_as_the_bus_does(tmp_path: Path) -> None:
    blobs = StoredBlobs(open_bucket(f"file://{tmp_path}"))
    assert await blobs.missing(LATER_DIGEST, len(LATER), "a1") == list(offsets(len(LATER)))
    await lend(blobs)
    assert await blobs.missing(LATER_DIGEST, len(LATER), "a1") == [0, 2 * PART_BYTES, 3 * PART_BYTES]
    await blobs.seal(LATER_DIGEST, len(LATER), "a1", (BASE_DIGEST, [(0, 0, 1), (2, 2, 2)]))
    again = StoredBlobs(open_bucket(f"file://{tmp_path}"))
    assert await again.get(LATER_DIGEST) == LATER and await again.holds("a1", LATER_DIGEST)
    await again.keep(blob_digest(b"small"), b"small", "a1")
    await again.keep(blob_digest(b"small"), b"small", "a2")
    assert [await again.holds(owner, blob_digest(b"small")) for owner in ("a1", "a2", "a3")] == [True, True, False]
    (tmp_path / "parts" / "a1" / BASE_DIGEST / "0").write_bytes(bytes(PART_BYTES))
    with pytest.raises(Refused, match=r"blob\.mismatch"):
        await again.get(LATER_DIGEST)
    with pytest.raises(Refused, match=r"blob\.missing"):
        await again.get(BIG_DIGEST)


async def test_a_bucket_that_is_away_is_asked_again_later() -> None:
    with pytest.raises(BadSettings):
        open_bucket("ftp://nowhere")
    options = {"aws_endpoint": "http://127.0.0.1:1", "aws_region": "x", "aws_access_key_id": "x"}
    away = S3Store(
        "b",
        config=options | {"aws_secret_access_key": "x"},
        client_options={"allow_http": True},
        retry_config={"max_retries": 0},
    )
    for ask in (BucketKeeper(away).record(BIG_DIGEST), BucketKeeper(away).keep_record(BIG_DIGEST, b"")):
        with pytest.raises(Retry):
            await ask


@pytest.mark.parametrize("raw", [b"", b"[]", b"{}", b"7", b'{"size": 1, "nuid": "a.b.*"}', b"[" * 5_000])
async def test_a_record_that_is_damaged_is_no_blob(raw: bytes) -> None:
    keeper = MemoryKeeper()
    await keeper.keep_record(BIG_DIGEST, raw)
    with pytest.raises(Refused, match=r"blob\.mismatch"):
        await StoredBlobs(keeper).get(BIG_DIGEST)


async def test_what_is_soon_deleted_is_not_borrowed() -> None:
    clock = iter([0.0] * 2 + [1.0 + BORROWED_AGE_S_MAX] * 9)
    blobs = StoredBlobs(MemoryKeeper(), lambda: next(clock))
    await lend(blobs)
    with pytest.raises(Refused, match=r"blob\.missing"):
        await blobs.seal(LATER_DIGEST, len(LATER), "a1", (BASE_DIGEST, [(0, 0, 1), (2, 2, 2)]))


@pytest.mark.server
async def test_a_part_that_was_stored_before_there_were_lanes_is_not_changed_by_a_later_one(
    nats_bus: JetStreamBus,
) -> None:
    for index in range(3):
        old = part(index * PART_BYTES)
        await nats_bus.nc.jetstream().publish(f"$O.BLOBS.C.a1.{BIG_DIGEST}.{index}", old)
    keeper = NatsKeeper(nats_bus.nc)
    assert not await keeper.keep_part("a1", BIG_DIGEST, 1, b"another")
    assert await keeper.part("a1", BIG_DIGEST, 1) == part(PART_BYTES)
    await keeper.drop_parts("a1", BIG_DIGEST, None)
    assert await keeper.keep_part("a1", BIG_DIGEST, 1, b"another"), "what was let go may come again"
