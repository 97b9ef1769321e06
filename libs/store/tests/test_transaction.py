"""What a transaction does in bulk, alone and beside others."""

import asyncio
from dataclasses import dataclass, field

import pytest

from assay.schema.errors import Retry, Unreachable
from assay.store.store import Store

pytestmark = pytest.mark.server


@dataclass
class Row:
    """A record as the bus has it."""

    id: str
    subject: str = "assay.job.matched.matching.j1"
    headers: dict[str, str] = field(default_factory=dict)
    data: bytes = b"{}"


async def test_an_id_is_taken_once(store: Store) -> None:
    async with store.transaction() as tx:
        assert await tx.take(["b", "a", "b"]) == {"a", "b"}
    async with store.transaction() as tx:
        assert await tx.take(["c", "a"]) == {"c"}


async def test_what_fails_was_never_taken(store: Store) -> None:
    with pytest.raises(ZeroDivisionError):
        async with store.transaction() as tx:
            await tx.take(["a"])
            raise ZeroDivisionError
    async with store.transaction() as tx:
        assert await tx.take(["a"]) == {"a"}


async def test_of_two_at_once_one_takes_an_id(store: Store) -> None:
    async def take() -> set[str]:
        async with store.transaction() as tx:
            return await tx.take(["a", "b", "c"])

    taken = await asyncio.gather(*(take() for _ in range(6)))
    assert sorted(taken, key=len)[-1] == {"a", "b", "c"} and sum(map(len, taken)) == 3


async def test_records_keep_their_order_and_their_first_content(store: Store) -> None:
    async with store.transaction() as tx:
        await tx.put([Row(f"e{n}") for n in range(300)])
        await tx.put([Row("e5", data=b"other"), Row("e300")])
        rows = await tx.fetch("select event_id, aggregate, data from outbox order by position")
    assert [row[0] for row in rows] == [f"e{n}" for n in range(301)]
    assert {(row[1], row[2]) for row in rows} == {("j1", b"{}")}


async def test_states_are_read_as_they_were_written(store: Store) -> None:
    async with store.transaction() as tx:
        assert await tx.life("job", ["j1", "j2"]) == {}
        await tx.set_lives({("job", "j1"): "funded"})
    async with store.transaction() as tx:
        assert await tx.life("job", ["j1", "j2"]) == {"j1": "funded"}
        assert await tx.life("lease", ["j1"]) == {}


async def test_who_reads_a_life_keeps_others_from_it_even_before_its_birth(store: Store) -> None:
    async def read() -> dict[str, str]:
        async with store.transaction() as tx:
            return await tx.life("job", ["j2", "j1"])

    async with store.transaction() as tx:
        await tx.life("job", ["j1", "j2"])
        reading = asyncio.create_task(read())
        async with asyncio.timeout(60), store.reading() as looking:
            while not await looking.fetchval("select count(*) from pg_locks where not granted"):
                await asyncio.sleep(0.01)
        assert not reading.done()
        await tx.set_lives({("job", "j1"): "funded", ("job", "j2"): "matched"})
    assert await reading == {"j1": "funded", "j2": "matched"}


async def test_a_birth_happens_once(store: Store) -> None:
    async with store.transaction() as tx:
        first, second, third = (("lease", "l1"), ("lease", "l2"), ("lease", "l3"))
        assert await tx.lives([first]) == {}
        assert await tx.bear({first: "granted", second: "granted"}) == {first, second}
        assert await tx.bear({second: "granted", third: "granted"}) == {third}
        assert await tx.lives([third, first, ("job", "l1")]) == {first: "granted", third: "granted"}


async def test_contention_means_come_again(store: Store) -> None:
    async def cross(first: str, second: str, both: asyncio.Barrier) -> None:
        async with store.transaction() as tx:
            await tx.life("job", [first])
            await both.wait()
            await tx.life("job", [second])

    both = asyncio.Barrier(2)
    results = await asyncio.gather(cross("j1", "j2", both), cross("j2", "j1", both), return_exceptions=True)
    assert [type(result) for result in results if result] == [Retry]


async def test_a_lost_connection_is_unreachable_and_a_fault_of_the_caller_is_its_own(store: Store) -> None:
    with pytest.raises(Unreachable):
        async with store.transaction() as tx:
            await tx.fetchval("select pg_terminate_backend(pg_backend_pid())")
    with pytest.raises(ConnectionResetError):
        async with store.transaction():
            raise ConnectionResetError("of another server")
    async with store.transaction() as tx:
        assert await tx.fetchval("select 1") == 1


async def test_what_waits_for_the_commit_is_called_after_it_and_not_after_a_failure(store: Store) -> None:
    called: list[str] = []
    async with store.transaction() as tx:
        tx.on_commit(lambda: called.append("kept"))
        assert called == []
    with pytest.raises(ZeroDivisionError):
        async with store.transaction() as tx:
            tx.on_commit(lambda: called.append("lost"))
            raise ZeroDivisionError
    assert called == ["kept"]
