"""What is on its way to a machine's cache: what fails leaves nothing, and nobody writes where another does."""

import asyncio
from collections import Counter
from functools import partial
from pathlib import Path

import pytest
from tests.played import PlayedBlobs

from assay.proof.digest import blake3_hex
from assay.proof.job_seal import name_of as name_of_key
from assay.proof.job_seal import seal_job
from assay.proof.sealed import KEY_BYTES
from assay.runtime.cache import Cache, Keyring
from assay.runtime.naming import made_of
from assay.schema.job import JobSpec

CONTENTS = [bytes([n]) * 1_000 for n in range(2)]


async def give(keys: dict[str, bytes], digest: str) -> bytes:
    return keys[digest]


async def test_what_fails_on_its_way_leaves_no_file_that_nobody_would_count(tmp_path: Path) -> None:
    class Full(PlayedBlobs):
        async def save(self, digest: str, path: Path) -> None:
            path.write_bytes(CONTENTS[0][:10])
            raise OSError("No space left on device")

    digest = blake3_hex(CONTENTS[0])
    cache = Cache(tmp_path / "blobs", tmp_path / "arriving", Full(), Keyring(partial(give, {}), print))
    with pytest.raises(OSError, match="No space"):
        await cache.read(digest)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


async def test_no_two_write_to_one_file_though_what_one_fetched_made_room_before_the_next_came(tmp_path: Path) -> None:
    """One has it and a second waits; a third blob makes room of it at that moment, and then two more want it."""
    gates, writing = dict[str, asyncio.Event](), Counter[str]()

    class Gated(PlayedBlobs):
        async def save(self, digest: str, path: Path) -> None:
            writing[digest] += 1
            assert writing[digest] == 1
            await gates.setdefault(digest, asyncio.Event()).wait()
            await super().save(digest, path)
            writing[digest] -= 1

    key = bytes(range(KEY_BYTES))
    blobs = [seal_job(key, content) for content in CONTENTS[:2]]
    held = {blake3_hex(blob): blob for blob in blobs}
    first, second = held
    seal = name_of_key(key)
    spec = JobSpec(kind="noop", seal=seal, segments=1, segment_units=1)
    keyring, bytes_max = Keyring(partial(give, {seal: key}), print), max(map(len, blobs))
    cache = Cache(tmp_path / "blobs", tmp_path / "arriving", Gated(held), keyring, bytes_max)
    with cache.reading(spec):
        await cache.sealing(seal)
        names = {digest: made_of(digest, spec) for digest in held}
        reads = [asyncio.ensure_future(cache.read(names[digest])) for digest in (first, first, second)]
        await asyncio.sleep(0.01)
        for digest in (first, second):
            gates.pop(digest).set()
        # The second's turn comes after room was made, and no lock of its own has anybody then who comes later.
        while not writing[first] or first not in gates:
            await asyncio.sleep(0)
        reads.append(asyncio.ensure_future(cache.read(names[first])))
        await asyncio.sleep(0.01)
        gates[first].set()
        found = await asyncio.gather(*reads)
    assert found == [CONTENTS[0], CONTENTS[0], CONTENTS[1], CONTENTS[0]]
