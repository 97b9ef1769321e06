"""The table of dead letters: what a service could not handle, whole, with the cause."""

import json
from collections.abc import Mapping
from typing import Any, Protocol

from assay.store.transaction import Transaction

KEEP = """
insert into dead (event_id, subject, headers, data, code, cause, deliveries) values ($1, $2, $3, $4, $5, $6, $7)
on conflict (event_id) do update set code = excluded.code, cause = excluded.cause, deliveries = excluded.deliveries,
    at = now(), replayed_at = null
"""
LIST = "select * from dead where $1 or replayed_at is null order by at desc limit $2"
FIND = "select * from dead where event_id = $1"
CLAIM = "update dead set replayed_at = now() where event_id = $1 and replayed_at is null returning *"


class Cause(Protocol):
    """Why a message is dead."""

    @property
    def event_id(self) -> str: ...
    @property
    def code(self) -> str: ...
    @property
    def cause(self) -> str: ...


class Corpse(Protocol):
    """The message itself."""

    @property
    def subject(self) -> str: ...
    @property
    def headers(self) -> Mapping[str, str]: ...
    @property
    def data(self) -> bytes: ...
    @property
    def deliveries(self) -> int: ...


async def keep_letter(tx: Transaction, cause: Cause, message: Corpse) -> None:
    """Keeps a letter; one that is there already gets the new cause."""
    await tx.execute(
        KEEP,
        cause.event_id,
        message.subject,
        json.dumps(dict(message.headers)),
        message.data,
        cause.code,
        cause.cause,
        message.deliveries,
    )


async def list_letters(tx: Transaction, with_replayed: bool, limit: int) -> list[Any]:
    """The letters, newest first."""
    return await tx.fetch(LIST, with_replayed, limit)


async def find_letter(tx: Transaction, event_id: str) -> Any:
    """One letter, or None."""
    return await tx.fetchrow(FIND, event_id)


async def claim_letter(tx: Transaction, event_id: str) -> Any:
    """The letter, which counts as replayed with the commit; None if there is none, or it was replayed before."""
    return await tx.fetchrow(CLAIM, event_id)
