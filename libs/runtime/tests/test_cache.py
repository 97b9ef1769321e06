"""A machine's cache of blobs, and what of them its disk can tell."""

import asyncio
import random
from functools import partial
from io import BytesIO
from pathlib import Path

import pytest
from tests.played import PlayedBlobs

from assay.proof.digest import blake3_hex
from assay.proof.job_seal import name_of as name_of_key
from assay.proof.job_seal import seal_job
from assay.proof.sealed import KEY_BYTES, PIECE_BYTES, TAG_BYTES, seal_blob
from assay.runtime import patience
from assay.runtime.cache import AT_ONCE, KEPT_S, Cache, Keyring
from assay.runtime.naming import made_of, name_of
from assay.schema.errors import Refused, Retry
from assay.schema.job import JobSpec

CONTENTS = [bytes([n]) * 1_000 for n in range(4)]
KEPT_BYTES = 1_000 + TAG_BYTES


def cache_of(
    folder: Path,
    blobs: PlayedBlobs,
    bytes_max: int = 2**20,
    clock: list[float] | None = None,
    keyring: Keyring | None = None,
) -> Cache:
    now_s = (lambda: clock[0]) if clock else (lambda: 0.0)
    return Cache(folder / "blobs", folder / "arriving", blobs, keyring or Keyring(refuse, unheard), bytes_max, now_s)


async def refuse(digest: str) -> bytes:
    raise Refused("key.undrawn")


def unheard(digest: str) -> None:
    raise AssertionError(digest)


def files(folder: Path) -> set[str]:
    return {path.name for path in folder.rglob("*") if path.is_file()}


async def test_what_was_used_longest_ago_makes_room_and_whoever_uses_it_keeps_it(tmp_path: Path) -> None:
    blobs = PlayedBlobs({blake3_hex(content): content for content in CONTENTS})
    first, second, third, _ = blobs.held
    cache = cache_of(tmp_path, blobs, 2 * KEPT_BYTES)
    laid = await cache.lay(second, tmp_path / "lease")
    for digest in (first, second, third):
        await cache.read(digest)
    assert files(cache.folder) == {second, third}
    assert laid.read_bytes() == CONTENTS[1] and await cache.read(first) == CONTENTS[0]


@pytest.mark.parametrize("size", [0, 1, PIECE_BYTES, 2 * PIECE_BYTES + 5])
async def test_a_disk_holds_nothing_that_anybody_but_this_process_can_read(tmp_path: Path, size: int) -> None:
    content = random.Random(size).randbytes(size)
    digest, clock = blake3_hex(content), [0.0]
    blobs = PlayedBlobs({digest: content})
    cache = cache_of(tmp_path, blobs, clock=clock)
    laid = await cache.lay(digest, tmp_path / "lease")
    assert laid.read_bytes() == content == await cache.read(digest)
    laid.unlink()
    assert files(tmp_path) == {digest}
    kept = cache.folder / digest
    assert content[:64] not in kept.read_bytes() or size < 2
    clock[0] = KEPT_S + 1
    cache.tend()
    assert files(tmp_path) == set()
    await cache.read(digest)
    assert files(tmp_path) == {digest}
    assert cache_of(tmp_path, blobs).folder == cache.folder and files(tmp_path) == set()


async def test_what_the_disk_has_damaged_is_fetched_anew(tmp_path: Path) -> None:
    content = bytes(2 * PIECE_BYTES)
    digest = blake3_hex(content)
    cache = cache_of(tmp_path, PlayedBlobs({digest: content}))
    await cache.read(digest)
    kept = cache.folder / digest
    sealed = kept.read_bytes()
    half = PIECE_BYTES + TAG_BYTES
    for damaged in (sealed[:half], sealed[half:] + sealed[:half], sealed[:-1] + bytes([sealed[-1] ^ 1]), b""):
        kept.write_bytes(damaged)
        assert await cache.read(digest) == content


async def test_leases_that_want_the_same_blob_fetch_it_once(tmp_path: Path) -> None:
    asked: list[str] = []

    class Slow(PlayedBlobs):
        async def save(self, digest: str, path: Path) -> None:
            asked.append(digest)
            await asyncio.sleep(0)
            await super().save(digest, path)

    digest = blake3_hex(CONTENTS[0])
    cache = cache_of(tmp_path, Slow({digest: CONTENTS[0]}))
    read = await asyncio.gather(*(cache.read(digest) for _ in range(3)))
    assert asked == [digest] and set(read) == {CONTENTS[0]}
    for _ in range(2):
        with pytest.raises(Refused):
            await cache.read("0" * 64)


async def test_a_sealed_input_is_kept_as_it_came_and_forgotten_with_its_last_reader(tmp_path: Path) -> None:
    content, key = bytes(PIECE_BYTES) + b"a secret", bytes(range(KEY_BYTES))
    blob = b"".join(seal_blob(key, BytesIO(content), len(content)))
    digest, forgotten = blake3_hex(blob), list[str]()
    keyring = Keyring(partial(give, {digest: key}), forgotten.append)
    cache = cache_of(tmp_path, PlayedBlobs({digest: blob}), keyring=keyring)
    spec = JobSpec(kind="noop", inputs=(digest,), sealed=(digest,), segments=1, segment_units=1)
    with cache.reading(spec):
        with cache.reading(spec):
            assert await cache.read(name_of(digest, spec)) == content
            laid = await cache.lay(name_of(digest, spec), tmp_path / "lease")
            assert laid.read_bytes() == content
            kept = cache.folder / name_of(digest, spec)
            assert kept.read_bytes() == blob
            kept.write_bytes(blob[:-1])
            assert await cache.read(name_of(digest, spec)) == content
            laid.unlink()
        assert forgotten == [] and files(tmp_path) == {kept.name}
    assert forgotten == [digest] and files(tmp_path) == set()
    with cache.reading(spec):
        assert forgotten == [digest]
    assert forgotten == [digest]


async def test_a_key_that_is_refused_or_wrong_lets_nothing_be_read(tmp_path: Path) -> None:
    blob = b"".join(seal_blob(bytes(KEY_BYTES), BytesIO(b"x"), 1))
    digest = blake3_hex(blob)
    spec = JobSpec(kind="noop", inputs=(digest,), sealed=(digest,), segments=1, segment_units=1)
    for keys, code in (({}, r"key\.ended"), ({digest: bytes([1] * KEY_BYTES)}, r"blob\.mismatch")):
        keyring = Keyring(partial(give, keys), lambda digest: None)
        cache = cache_of(tmp_path, PlayedBlobs({digest: blob}), keyring=keyring)
        with cache.reading(spec), pytest.raises(Refused, match=code):
            await cache.lay(name_of(digest, spec), tmp_path / "lease")
        # Nobody would count it, nor make room of it.
        assert files(cache.folder) == set()


async def test_each_job_reads_a_blob_as_its_own_order_says_whoever_reads_it_otherwise(tmp_path: Path) -> None:
    content, key = b"a secret", bytes(range(KEY_BYTES))
    blob = b"".join(seal_blob(key, BytesIO(content), len(content)))
    digest = blake3_hex(blob)
    plain = JobSpec(kind="noop", inputs=(digest,), segments=1, segment_units=1)
    sealed, forgotten = plain.model_copy(update={"sealed": (digest,)}), list[str]()
    keyring = Keyring(partial(give, {digest: key}), forgotten.append)
    cache = cache_of(tmp_path, PlayedBlobs({digest: blob}), keyring=keyring)
    said = {id(plain): blob, id(sealed): content}
    for first, second in ((plain, sealed), (sealed, plain)):
        with cache.reading(first), cache.reading(second):
            for spec in (first, second):
                assert await cache.read(name_of(digest, spec)) == said[id(spec)]
    assert forgotten == [digest] * 2


async def test_what_another_worker_uploaded_unsealed_is_refused(tmp_path: Path) -> None:
    key = bytes(KEY_BYTES)
    spec = JobSpec(kind="noop", seal=name_of_key(key), segments=1, segment_units=1)
    blobs = PlayedBlobs()
    cache = cache_of(tmp_path, blobs, keyring=Keyring(partial(give, {name_of_key(key): key}), lambda name: None))
    with cache.reading(spec), pytest.raises(Refused, match=r"blob\.unopened"):
        await cache.lay(made_of(await blobs.put(b"in the clear"), spec), tmp_path / "lease")


async def test_what_a_job_of_the_same_seal_made_is_read_by_it_and_says_nothing_where_it_does_not_open(
    tmp_path: Path,
) -> None:
    key, blobs, asked = bytes(range(KEY_BYTES)), PlayedBlobs(), list[str]()

    async def ask(name: str) -> bytes:
        asked.append(name)
        return key

    made, foreign = await blobs.put(seal_job(key, CONTENTS[0])), await blobs.put(b"uploaded unsealed")
    seal, cut = name_of_key(key), {"segments": 1, "segment_units": 1}
    spec = JobSpec(kind="noop", inputs=(made, foreign), made=(made, foreign), seal=seal, **cut)
    cache = cache_of(tmp_path, blobs, keyring=Keyring(ask, lambda name: None))
    with cache.reading(spec):
        await cache.sealing(seal)
        laid = await cache.lay_all([name_of(digest, spec) for digest in spec.inputs], tmp_path / "lease")
        assert [Path(path).read_bytes() for path in laid.values()] == [CONTENTS[0], b""]
        assert asked == [seal]
        # As a checkpoint it is somebody's, who answers for it.
        assert await cache.read(made_of(made, spec)) == CONTENTS[0]
        with pytest.raises(Refused, match=r"blob\.unopened"):
            await cache.lay(made_of(foreign, spec), tmp_path / "lease")
        # A disk that damages it twice does not make nothing of it.
        kept, save = cache.folder / name_of(made, spec), blobs.save

        async def damaged(digest: str, path: Path) -> None:
            await save(digest, path)
            path.write_bytes(path.read_bytes()[:-1])

        blobs.save = damaged
        kept.write_bytes(b"")
        with pytest.raises(Refused, match=r"blob\.unopened"):
            await cache.read(kept.name)
    assert files(cache.folder) == set()


async def give(keys: dict[str, bytes], digest: str) -> bytes:
    if digest not in keys:
        raise Refused("key.ended")
    return keys[digest]


async def test_what_a_lease_needs_comes_side_by_side_a_few_at_a_time(tmp_path: Path) -> None:
    under_way = most = 0

    class Slow(PlayedBlobs):
        async def save(self, digest: str, path: Path) -> None:
            nonlocal under_way, most
            under_way += 1
            most = max(most, under_way)
            for _ in range(20):
                await asyncio.sleep(0)
            under_way -= 1
            await super().save(digest, path)

    contents = [bytes([n]) * 10 for n in range(3 * AT_ONCE)]
    cache = cache_of(tmp_path, Slow({blake3_hex(content): content for content in contents}))
    await cache.fetch_all(blake3_hex(content) for content in contents)
    assert most == AT_ONCE and files(cache.folder) == {blake3_hex(content) for content in contents}


async def test_when_one_blob_is_missing_no_other_goes_on_unseen(tmp_path: Path) -> None:
    class Slow(PlayedBlobs):
        async def save(self, digest: str, path: Path) -> None:
            if digest in self.held:
                await asyncio.sleep(0.05)
            await super().save(digest, path)

    there = blake3_hex(CONTENTS[0])
    cache = cache_of(tmp_path, Slow({there: CONTENTS[0]}))
    with pytest.raises(Refused):
        await cache.fetch_all([there, blake3_hex(b"missing")])
    assert files(tmp_path) == {there}


async def test_blobs_that_are_tried_again_hold_no_other_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "AGAIN_S", 0.01)

    class Away(PlayedBlobs):
        async def save(self, digest: str, path: Path) -> None:
            if digest not in self.held:
                raise Retry("away")
            await super().save(digest, path)

    there = blake3_hex(CONTENTS[0])
    cache = cache_of(tmp_path, Away({there: CONTENTS[0]}))
    waiting = asyncio.create_task(cache.fetch_all([str(n) for n in range(AT_ONCE)]))
    await asyncio.sleep(0)
    async with asyncio.timeout(20):
        await cache.fetch_all([there])
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting


async def test_what_a_lease_needs_is_fetched_once_though_the_cache_cannot_hold_all_of_it(tmp_path: Path) -> None:
    fetched: list[str] = []

    class Counting(PlayedBlobs):
        async def save(self, digest: str, path: Path) -> None:
            fetched.append(digest)
            await super().save(digest, path)

    held = {blake3_hex(content): content for content in CONTENTS}
    cache = cache_of(tmp_path, Counting(held), KEPT_BYTES)
    laid = await cache.lay_all([*held, *held], tmp_path / "lease")
    assert {digest: Path(path).read_bytes() for digest, path in laid.items()} == held
    assert sorted(fetched) == sorted(held)
