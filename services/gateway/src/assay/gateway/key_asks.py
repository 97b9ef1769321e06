"""What is asked about keys: by participants at the door, and by the services that replay and write receipts."""

from typing import Annotated, Any, Final

from pydantic import BaseModel, Field, ValidationError

from assay.gateway.domain import Speaker
from assay.gateway.holder import Holder, holder_of
from assay.gateway.keys import Keys
from assay.runtime import Context, Unit
from assay.schema.errors import Refused
from assay.schema.event import first_problem
from assay.schema.values import AuditId, Digest, Role

ASKS: Final = {
    "holder": frozenset({Role.REQUESTER}),
    "hold": frozenset({Role.REQUESTER}),
    "forget": frozenset({Role.REQUESTER}),
    "key": frozenset({Role.REQUESTER, Role.PROVIDER, Role.VERIFIER}),
}
"""The questions of participants, each with who may ask it: for the holder's public key, to hold a key, to destroy it,
and for a key."""


class ReadersBody(BaseModel):
    """Of which keys it is asked, and which audits are over, whether the gateway heard of it or not."""

    digests: Annotated[tuple[Digest, ...], Field(max_length=64)]
    audits: tuple[AuditId, ...] = ()


async def answer(ctx: Context, unit: Unit, speaker: Speaker, question: str, body: dict[str, Any]) -> dict[str, Any]:
    """The answer to one of ASKS. Raises Refused: key.*, blob.*, event.malformed."""
    holder, now_ms = held_by(ctx), ctx.now()
    try:
        match question:
            case "hold":
                return await holder.hold(Keys(unit.tx), ctx.bus.blobs, speaker, body, now_ms)
            case "forget":
                return await holder.forget(unit, speaker, body, now_ms)
            case "key":
                return await holder.give(unit, speaker, body, now_ms)
        return {"public": holder.key.public}
    except ValidationError as error:
        raise Refused("event.malformed", first_problem(error)) from None


async def key(ctx: Context, body: dict[str, Any]) -> dict[str, Any]:
    """A key for the verification service. Raises Refused: key.*, event.malformed."""
    try:
        async with ctx.unit() as unit:
            return await held_by(ctx).give_service(unit, body, ctx.now())
    except ValidationError as error:
        raise Refused("event.malformed", first_problem(error)) from None


async def readers(ctx: Context, body: dict[str, Any]) -> dict[str, Any]:
    """Who has had the keys of these blobs, as far as it may be told. Raises Refused: event.malformed."""
    try:
        asked = ReadersBody.model_validate(body)
    except ValidationError as error:
        raise Refused("event.malformed", first_problem(error)) from None
    async with ctx.unit() as unit:
        keys = Keys(unit.tx)
        for said in await keys.tell(ctx.now(), asked.audits):
            unit.emit(said)
        found = await keys.readers(asked.digests)
    return {"readers": [{"digest": digest, "reader": reader, "released_ms": at_ms} for digest, reader, at_ms in found]}


def held_by(ctx: Context) -> Holder:
    """The holder. Raises Refused: key.unheld."""
    holder = holder_of(ctx.settings)
    if holder is None:
        raise Refused("key.unheld")
    return holder
