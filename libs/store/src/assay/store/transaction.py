"""One transaction of a service: plain SQL, and in bulk what the shell keeps (inbox, outbox, life).

Every bulk statement works in the order of its ids, so that two transactions wait for one another instead of
deadlocking.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol, TypeAlias

import asyncpg  # type: ignore[import-untyped]

TAKE = "insert into inbox (event_id) select unnest($1::text[]) on conflict do nothing returning event_id"
PUT = """
insert into outbox (event_id, aggregate, subject, headers, data)
select * from unnest($1::text[], $2::text[], $3::text[], $4::jsonb[], $5::bytea[]) on conflict (event_id) do nothing
"""
# Row by row in the order of the ids, by their index, whatever the planner thinks of the table's size.
LIVES = """
select wanted.entity, wanted.id, life.state
from (select * from unnest($1::text[], $2::text[]) as given (entity, id) order by entity, id) as wanted
cross join lateral (
    select state from life where life.entity = wanted.entity and life.id = wanted.id for update
) as life
"""
NAME = """
insert into life (entity, id, state) select *, '' from unnest($1::text[], $2::text[])
on conflict do nothing returning entity, id
"""
BIRTH = """
insert into life (entity, id, state) select * from unnest($1::text[], $2::text[], $3::text[])
on conflict (entity, id) do update set state = excluded.state where life.state = '' returning entity, id
"""
SET_LIVES = """
insert into life (entity, id, state) select * from unnest($1::text[], $2::text[], $3::text[])
on conflict (entity, id) do update set state = excluded.state
"""

Who: TypeAlias = tuple[str, str]
"""An aggregate: its entity and its id."""


class Row(Protocol):
    """What the outbox needs of a record: its id, where it goes, and its bytes."""

    @property
    def id(self) -> str: ...
    @property
    def subject(self) -> str: ...
    @property
    def headers(self) -> Mapping[str, str]: ...
    @property
    def data(self) -> bytes: ...


class Transaction:
    """A thin layer over one connection within one transaction; it commits when the block that opened it ends well."""

    def __init__(self, connection: "asyncpg.Connection[asyncpg.Record]") -> None:
        self.connection = connection
        self.has_put = False
        self.committed: list[Callable[[], object]] = []

    def on_commit(self, call: Callable[[], object]) -> None:
        """Has `call` called once this transaction is committed; never if it fails."""
        self.committed.append(call)

    async def fetch(self, sql: str, *args: object) -> "list[asyncpg.Record]":
        """The rows of a query."""
        rows: list[asyncpg.Record] = await self.connection.fetch(sql, *args)
        return rows

    async def fetchrow(self, sql: str, *args: object) -> "asyncpg.Record | None":
        """The first row of a query, if any."""
        return await self.connection.fetchrow(sql, *args)

    async def fetchval(self, sql: str, *args: object) -> Any:
        """The first value of the first row, if any."""
        return await self.connection.fetchval(sql, *args)

    async def execute(self, sql: str, *args: object) -> str:
        """The command tag of a statement, such as `UPDATE 3`."""
        tag: str = await self.connection.execute(sql, *args)
        return tag

    async def executemany(self, sql: str, rows: Iterable[Sequence[object]]) -> None:
        """Runs a statement once for each row, in one round trip."""
        await self.connection.executemany(sql, rows)

    async def take(self, event_ids: Iterable[str]) -> set[str]:
        """Those of `event_ids` that were never taken before; from now on they are."""
        return {row[0] for row in await self.connection.fetch(TAKE, sorted(set(event_ids)))}

    async def put(self, records: Sequence[Row]) -> None:
        """Lays records in the outbox in their order; one whose id is there already is the same and stays."""
        if not records:
            return
        self.has_put = True
        await self.connection.execute(
            PUT,
            [record.id for record in records],
            [record.subject.rpartition(".")[2] for record in records],
            [record.subject for record in records],
            [json.dumps(dict(record.headers)) for record in records],
            [record.data for record in records],
        )

    async def life(self, entity: str, ids: Iterable[str]) -> dict[str, str]:
        """The state of each aggregate of one entity that has one; locked as by `lives`."""
        return {id_: state for (_, id_), state in (await self.lives((entity, id_) for id_ in ids)).items()}

    async def lives(self, wanted: Iterable[Who]) -> dict[Who, str]:
        """The state of each aggregate that has one; all, the unborn too, are locked until the commit."""
        ordered = sorted(set(wanted))
        if not ordered:
            return {}
        rows = await self._over(LIVES, ordered)
        if unborn := sorted({*ordered} - {(row[0], row[1]) for row in rows}):
            born = {(row[0], row[1]) for row in await self._over(NAME, unborn)}
            rows += await self._over(LIVES, others) if (others := sorted({*unborn} - born)) else []
        return {(entity, id_): state for entity, id_, state in rows if state}

    async def bear(self, states: Mapping[Who, str]) -> set[Who]:
        """Those of the aggregates that had no state before; only they are written."""
        rows = await self._over(BIRTH, whose := sorted(states), [str(states[who]) for who in whose])
        return {(row[0], row[1]) for row in rows}

    async def set_lives(self, states: Mapping[Who, str]) -> None:
        """Writes the state of each aggregate."""
        if whose := sorted(states):
            await self._over(SET_LIVES, whose, [str(states[who]) for who in whose])

    async def _over(self, sql: str, whose: Sequence[Who], *more: object) -> "list[asyncpg.Record]":
        entities, ids = [entity for entity, _ in whose], [id_ for _, id_ in whose]
        rows: list[asyncpg.Record] = await self.connection.fetch(sql, entities, ids, *more)
        return rows
