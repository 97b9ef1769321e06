"""Dead letters: what a service could not handle is kept whole, with the cause, until someone replays it.

A letter lies in the service's own table, and a copy goes to the DEAD stream for whoever watches. A replay hands the
event to this service alone, with its old id: nobody else hears it twice.
"""

import json
import re
from dataclasses import dataclass
from typing import Any, Final

from assay.bus.port import Message, Record
from assay.runtime.batch import Heard, Outcome, handle_fresh
from assay.runtime.context import Context
from assay.schema import EVENT_BYTES_MAX, PREFIX, REGISTRY, decode
from assay.schema.errors import AssayError, Refused
from assay.schema.streams import dead_subject
from assay.schema.values import derive_id
from assay.store.dead import claim_letter, find_letter, keep_letter, list_letters

ID: Final = re.compile(r"[a-z][a-z2-7]{6,51}")
CAUSE_MAX: Final = 1000
COPY_MAX: Final = EVENT_BYTES_MAX
LIST_MAX: Final = 100


@dataclass(frozen=True, slots=True)
class Letter:
    """What is known of a message that could not be handled, however broken it is."""

    event_id: str
    type: str
    code: str
    cause: str


def letter_of(message: Message, error: Exception) -> Letter:
    """The letter for a message: ids and types that could not stand in a subject are replaced."""
    event_id, type_ = message.headers.get("ce-id", ""), message.headers.get("ce-type", "").removeprefix(f"{PREFIX}.")
    if not ID.fullmatch(event_id):
        event_id = derive_id("e", message.subject, message.stream_sequence, message.data.hex())
    code = error.code if isinstance(error, AssayError) else "bug"
    cause = str(error) if isinstance(error, AssayError) else f"{type(error).__name__}: {error}"
    return Letter(event_id, type_ if type_ in REGISTRY else "event.unknown", code, cause[:CAUSE_MAX])


def copy_of(service: str, letter: Letter, message: Message) -> Record:
    """What the DEAD stream gets; a message too big to be copied with its cause is cut, the letter itself is whole."""
    copy_id = derive_id("e", "dead", service, letter.event_id, message.deliveries)
    headers = {name: text for name, text in message.headers.items() if len(text) <= CAUSE_MAX}
    headers |= {"Nats-Msg-Id": copy_id, "assay-code": letter.code, "assay-cause": _header(letter.cause)}
    return Record(copy_id, dead_subject(service, letter.type, letter.event_id), headers, message.data[:COPY_MAX])


async def bury(ctx: Context, message: Message, error: Exception) -> Letter:
    """Keeps the message as a dead letter and says so; it counts as taken from now on."""
    letter = letter_of(message, error)
    async with ctx.store.transaction() as tx:
        await tx.take([letter.event_id])
        await keep_letter(tx, letter, message)
        await tx.put([copy_of(ctx.name, letter, message)])
    return letter


async def answer_list(ctx: Context, body: dict[str, Any]) -> dict[str, Any]:
    """The dead letters, newest first; with `all` also those replayed."""
    async with ctx.store.transaction() as tx:
        rows = await list_letters(tx, with_replayed=bool(body.get("all")), limit=LIST_MAX)
    return {"service": ctx.name, "letters": [_brief(row) for row in rows]}


async def answer_show(ctx: Context, body: dict[str, Any]) -> dict[str, Any]:
    """One dead letter, with headers and data."""
    async with ctx.store.transaction() as tx:
        row = await find_letter(tx, str(body.get("id", "")))
    if row is None:
        raise Refused("event.unknown", "No such dead letter.")
    return _brief(row) | {"headers": json.loads(row["headers"]), "data": row["data"].decode(errors="replace")}


async def answer_replay(ctx: Context, body: dict[str, Any]) -> dict[str, Any]:
    """Hands a dead letter to its handler again. Raises what the handler raises; then nothing has changed."""
    async with ctx.store.transaction() as tx:
        row = await claim_letter(tx, str(body.get("id", "")))
        if row is None:
            raise Refused("event.unknown", "No such dead letter, or it was replayed before.")
        message = Message(row["subject"], json.loads(row["headers"]), row["data"])
        heard, outcome = Heard(message, decode(message.headers, message.data)), Outcome()
        await handle_fresh(ctx, tx, [heard], {heard.said.id}, outcome)
    return {"service": ctx.name, "id": row["event_id"], "handled": outcome.handled, "behind": outcome.behind}


QUESTIONS: Final = {"dead_list": answer_list, "dead_show": answer_show, "dead_replay": answer_replay}


def _brief(row: Any) -> dict[str, Any]:
    names = ("event_id", "subject", "code", "cause", "deliveries")
    times = {name: row[name].isoformat() if row[name] else None for name in ("at", "replayed_at")}
    return {name: row[name] for name in names} | times


def _header(text: str) -> str:
    return text.encode("ascii", "replace").decode().replace("\r", " ").replace("\n", " ")
