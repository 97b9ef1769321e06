"""What a service has said, laid out again: for a bus that has lost it. What is known changes nothing."""

from typing import Annotated, Any, Final

from pydantic import BaseModel, Field, ValidationError

from assay.runtime.context import Context
from assay.schema.errors import Refused
from assay.schema.event import first_problem
from assay.store.outbox import republish


class RepublishBody(BaseModel):
    """A time, in milliseconds since 1970; without an end it is until now."""

    since_ms: Annotated[int, Field(ge=0)]
    until_ms: Annotated[int, Field(ge=0)] | None = None


async def answer_republish(ctx: Context, body: dict[str, Any]) -> dict[str, Any]:
    """How many events of a time are published again. Raises Refused: event.malformed."""
    try:
        asked = RepublishBody.model_validate(body)
    except ValidationError as error:
        raise Refused("event.malformed", first_problem(error)) from None
    until_ms = ctx.now() if asked.until_ms is None else asked.until_ms
    return {"service": ctx.name, "events": await republish(ctx.store, asked.since_ms, until_ms)}


QUESTIONS: Final = {"outbox_republish": answer_republish}
