"""What a blob's owner lets go is gone, and nothing else is: in the real store, in a folder and in memory."""

import random
from pathlib import Path

import pytest

from assay.bus import JetStreamBus
from assay.bus.blobs import StoredBlobs
from assay.bus.bucket_keeper import open_bucket
from assay.bus.keeper import Keeper
from assay.bus.memory_keeper import MemoryKeeper
from assay.bus.nats_keeper import NatsKeeper
from assay.bus.parts import PART_BYTES, offsets
from assay.proof.digest import blob_digest
from assay.schema.errors import Refused

FIRST = random.Random(7).randbytes(3 * PART_BYTES + 99)
SECOND = random.Random(8).randbytes(PART_BYTES) + FIRST[PART_BYTES:]
ONE, TWO = blob_digest(FIRST), blob_digest(SECOND)
KEEPERS = ["memory", "folder", pytest.param("server", marks=pytest.mark.server)]


@pytest.fixture(params=KEEPERS)
def keeper(request: pytest.FixtureRequest, tmp_path: Path) -> Keeper:
    """Each way to keep blobs in turn."""
    if request.param == "server":
        bus: JetStreamBus = request.getfixturevalue("nats_bus")
        return NatsKeeper(bus.nc)
    return MemoryKeeper() if request.param == "memory" else open_bucket(f"file://{tmp_path}")


async def borrow(blobs: StoredBlobs, owner: str) -> None:
    """Store the second blob, of which all parts but the first are the first blob's."""
    await blobs.write(TWO, 0, len(SECOND), SECOND[:PART_BYTES], owner)
    last = offsets(len(SECOND))[-1]
    await blobs.write(TWO, last, len(SECOND), SECOND[last:], owner)
    await blobs.seal(TWO, len(SECOND), owner, (ONE, [(1, 1, 2)]))


async def test_what_was_let_go_is_gone_for_every_reader_and_comes_back_by_an_upload_alone(keeper: Keeper) -> None:
    blobs, other = StoredBlobs(keeper), StoredBlobs(keeper)
    await blobs.keep(ONE, FIRST, "a1")
    assert await other.get(ONE) == FIRST
    for _ in range(2):
        await blobs.let_go("a1", ONE)
    for store in (blobs, other):
        assert not await store.has(ONE) and not await store.holds("a1", ONE)
        assert await store.missing(ONE, len(FIRST), "a1") == list(offsets(len(FIRST)))
        with pytest.raises(Refused, match=r"blob\.missing"):
            await store.read(ONE, 0)
    assert await keeper.kept("a1", ONE) == set()
    await other.keep(ONE, FIRST, "a1")
    assert await blobs.get(ONE) == FIRST


async def test_parts_that_another_blob_borrows_stay_with_it_and_the_others_go(keeper: Keeper) -> None:
    blobs = StoredBlobs(keeper)
    await blobs.keep(ONE, FIRST, "a1")
    await borrow(blobs, "a1")
    assert await blobs.sources("a1", TWO) == {ONE, TWO}
    # The second time nothing is left to go.
    for _ in range(2):
        await blobs.let_go("a1", ONE, [TWO])
        assert await keeper.kept("a1", ONE) == {1, 2}
    assert await StoredBlobs(keeper).get(TWO) == SECOND
    assert not await blobs.has(ONE)
    await blobs.keep(ONE, FIRST, "a1")
    assert await blobs.get(ONE) == FIRST


async def test_while_a_borrower_is_not_whole_yet_no_part_goes(keeper: Keeper) -> None:
    blobs = StoredBlobs(keeper)
    await blobs.keep(ONE, FIRST, "a1")
    await blobs.let_go("a1", ONE, [TWO])
    assert await keeper.kept("a1", ONE) == {0, 1, 2, 3}


async def test_the_copy_of_another_holder_stays_and_is_read_once_the_first_is_let_go(keeper: Keeper) -> None:
    blobs, reader = StoredBlobs(keeper), StoredBlobs(keeper)
    for owner in ("a1", "a2", "a3"):
        await blobs.keep(ONE, FIRST, owner)
    assert await reader.read(ONE, 0) == FIRST[:PART_BYTES]
    await blobs.let_go("a2", ONE)
    assert await blobs.holds("a1", ONE) and not await blobs.holds("a2", ONE)
    await blobs.let_go("a1", ONE)
    assert await blobs.holds("a3", ONE) and not await blobs.holds("a1", ONE)
    assert await reader.read(ONE, 0) == FIRST[:PART_BYTES] and await reader.get(ONE) == FIRST
    await blobs.let_go("a1", ONE)
    assert await reader.get(ONE) == FIRST


async def test_a_copy_that_took_the_place_of_the_first_is_let_go_whole_and_takes_it_no_second_time(
    keeper: Keeper,
) -> None:
    blobs = StoredBlobs(keeper)
    await blobs.keep(ONE, FIRST, "a1")
    await blobs.keep(ONE, FIRST, "a2")
    await blobs.let_go("a1", ONE)
    assert await blobs.holds("a2", ONE)
    await blobs.let_go("a2", ONE)
    assert not await blobs.holds("a2", ONE) and not await blobs.has(ONE)
    # Whoever comes after is read by its own parts: it answers for them.
    await blobs.keep(ONE, FIRST, "a3")
    assert not await blobs.holds("a2", ONE)
    assert await StoredBlobs(keeper).get(ONE) == FIRST


async def test_what_is_remembered_is_asked_of_the_store_again_once_it_is_forgotten(keeper: Keeper) -> None:
    blobs, other = StoredBlobs(keeper), StoredBlobs(keeper)
    for owner in ("a1", "a2"):
        await blobs.keep(ONE, FIRST, owner)
        assert await blobs.holds(owner, ONE, is_fresh=False)
    await keeper.drop_record(f"a2.{ONE}")
    await other.let_go("a1", ONE)
    assert all([await blobs.holds(owner, ONE, is_fresh=False) for owner in ("a1", "a2")])
    assert await blobs.has(ONE, is_fresh=False)
    blobs.forget()
    assert not any([await blobs.holds(owner, ONE, is_fresh=False) for owner in ("a1", "a2")])
    assert not await blobs.has(ONE, is_fresh=False)


async def test_an_answer_of_before_is_not_remembered_after_forgetting(keeper: Keeper) -> None:
    blobs = StoredBlobs(keeper)
    await StoredBlobs(keeper).keep(ONE, FIRST, "a1")
    record = keeper.record

    async def late(name: str) -> bytes | None:
        found = await record(name)
        blobs.forget()
        return found

    keeper.record = late
    assert await blobs.holds("a1", ONE)
    keeper.record = record
    await StoredBlobs(keeper).let_go("a1", ONE)
    assert not await blobs.holds("a1", ONE, is_fresh=False)


async def test_a_record_without_parts_stands_before_no_other_copy(keeper: Keeper) -> None:
    blobs = StoredBlobs(keeper)
    await blobs.keep(ONE, FIRST, "a1")
    # As where its owner makes it whole again at the moment in which it lets it go.
    await keeper.drop_parts("a1", ONE, None)
    await blobs.keep(ONE, FIRST, "a2")
    assert await blobs.holds("a2", ONE)
    assert await StoredBlobs(keeper).get(ONE) == FIRST and not await blobs.holds("a1", ONE)


async def test_what_is_let_go_while_it_takes_the_place_of_the_first_takes_it_not(keeper: Keeper) -> None:
    blobs, other = StoredBlobs(keeper), StoredBlobs(keeper)
    await blobs.keep(ONE, FIRST, "a1")
    await blobs.keep(ONE, FIRST, "a2")
    await blobs.let_go("a1", ONE)
    keep_record = keeper.keep_record

    async def keep_late(name: str, record: bytes) -> bool:
        await other.let_go("a2", ONE)
        return await keep_record(name, record)

    keeper.keep_record = keep_late
    assert not await blobs.holds("a2", ONE)
    assert await keeper.record(ONE) is None


async def test_what_the_core_made_is_there_though_whoever_uploaded_it_before_lets_it_go(keeper: Keeper) -> None:
    blobs = StoredBlobs(keeper)
    await blobs.keep(ONE, FIRST, "a1")
    assert await blobs.put(FIRST) == ONE
    await blobs.let_go("a1", ONE)
    assert await StoredBlobs(keeper).get(ONE) == FIRST


async def test_nobody_lets_go_what_another_uploaded(keeper: Keeper) -> None:
    blobs = StoredBlobs(keeper)
    await blobs.keep(ONE, FIRST, "a1")
    await blobs.let_go("a2", ONE)
    assert await StoredBlobs(keeper).get(ONE) == FIRST
