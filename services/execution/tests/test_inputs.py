"""What a worker makes leaves it as its job's order says: sealed, or not at all."""

from functools import partial
from pathlib import Path
from typing import Any

import pytest
from libs.bus.tests.test_content import FEW, Sink, at_most
from libs.runtime.tests.test_cache import files, give
from tests.played import PlayedBlobs

from assay.bus.blob_door import DoorBlobs
from assay.bus.parts import PART_BYTES
from assay.execution.inputs import Cache
from assay.proof.job_seal import name_of as name_of_key
from assay.proof.job_seal import seal_job, unseal_job
from assay.proof.sealed import KEY_BYTES
from assay.runtime.cache import Keyring
from assay.runtime.naming import made_of, name_of
from assay.schema.errors import Refused
from assay.schema.job import JobSpec


def cache_of(folder: Path, blobs: PlayedBlobs, keyring: Keyring) -> Cache:
    return Cache(folder / "blobs", folder / "arriving", blobs, keyring)


async def test_what_is_made_for_a_sealed_job_leaves_the_worker_sealed_and_is_read_again_under_its_key(
    tmp_path: Path,
) -> None:
    content, key = bytes(PART_BYTES) + b"a secret", bytes(range(KEY_BYTES))
    spec = JobSpec(kind="noop", seal=name_of_key(key), segments=1, segment_units=1)
    blobs, forgotten, asked = PlayedBlobs(), list[str](), list[str]()

    async def ask(name: str) -> bytes:
        asked.append(name)
        return key

    cache = cache_of(tmp_path, blobs, Keyring(ask, forgotten.append))
    for made in (content, b"a small secret"):
        (tmp_path / "made").write_bytes(made)
        with cache.reading(spec):
            digest = await cache.publish(tmp_path / "made", spec)
            assert await cache.publish(tmp_path / "made", spec) == digest and len(asked) == 1
            assert blobs.held[digest] == seal_job(key, made)
            assert await cache.read(made_of(digest, spec)) == made == unseal_job(key, blobs.held[digest])
            assert (cache.folder / made_of(digest, spec)).read_bytes() == blobs.held[digest]
            # The requester has added as an input what it knew that its job would come to.
            both = spec.model_copy(update={"inputs": (digest,)})
            laid = await cache.lay_all((name_of(digest, both), made_of(digest, both)), tmp_path / "lease")
            assert [Path(path).read_bytes() for path in laid.values()] == [blobs.held[digest], made]
        assert forgotten == [spec.seal] and files(cache.folder) == {digest}
        cache._forget(digest)
        forgotten.clear()
        asked.clear()


@pytest.mark.parametrize("keys", [{}, {name_of_key(bytes(KEY_BYTES)): b"\1" * KEY_BYTES}])
async def test_nothing_leaves_in_the_clear_where_the_key_is_refused_or_another(
    tmp_path: Path, keys: dict[str, bytes]
) -> None:
    spec = JobSpec(kind="noop", seal=name_of_key(bytes(KEY_BYTES)), segments=1, segment_units=1)
    blobs = PlayedBlobs()
    cache = cache_of(tmp_path, blobs, Keyring(partial(give, keys), lambda name: None))
    (tmp_path / "made").write_bytes(b"a secret")
    with cache.reading(spec), pytest.raises(Refused, match=r"key\."):
        await cache.publish(tmp_path / "made", spec)
    assert blobs.held == {}


@pytest.mark.parametrize("parts", [32, 96])
@pytest.mark.parametrize("is_sealed", [False, True], ids=["clear", "sealed"])
async def test_of_a_checkpoint_that_leaves_the_worker_a_few_parts_are_in_memory(
    is_sealed: bool, parts: int, tmp_path: Path
) -> None:
    key = bytes(range(KEY_BYTES))
    spec = JobSpec(kind="noop", seal=name_of_key(key) if is_sealed else None, segments=1, segment_units=1)
    blobs: Any = DoorBlobs(Sink())
    cache = cache_of(tmp_path, blobs, Keyring(partial(give, {name_of_key(key): key}), lambda name: None))
    with (tmp_path / "made").open("wb") as file:
        for number in range(parts):
            file.write(bytes([number]) * PART_BYTES)
    with cache.reading(spec), at_most(FEW):
        first = await cache.publish(tmp_path / "made", spec)
        assert await cache.publish(tmp_path / "made", spec, first) == first
    assert files(cache.folder) == set()
