"""Access: the operator binds an account to a role and a participant's id, or takes that back."""

from typing import Any

from pydantic import BaseModel, Field, ValidationError

from assay.gateway.domain import Speaker, is_bound
from assay.gateway.key_asks import key, readers
from assay.gateway.queries import Registry
from assay.runtime import Context
from assay.schema.errors import Refused
from assay.schema.event import first_problem
from assay.schema.values import Role


class GrantBody(BaseModel):
    """What `assay.ask.gateway.grant` is asked with."""

    account: str = Field(pattern=r"^[A-Za-z0-9]{1,64}$")
    role: Role
    id: str = Field(default="", pattern=r"^([a-z][a-z2-7]{32})?$")
    name: str = Field(default="", max_length=120)


class RevokeBody(BaseModel):
    """What `assay.ask.gateway.revoke` is asked with."""

    account: str = Field(pattern=r"^[A-Za-z0-9]{1,64}$")


async def grant(ctx: Context, body: dict[str, Any]) -> dict[str, Any]:
    """Binds an account. Raises Refused: event.malformed; access.denied if it is bound otherwise or revoked."""
    try:
        asked = GrantBody.model_validate(body)
    except ValidationError as error:
        raise Refused("event.malformed", first_problem(error)) from None
    if not is_bound(asked.role, asked.id):
        raise Refused("event.malformed", f"id: it is not that of a {asked.role.value}.")
    async with ctx.unit() as unit:
        speaker = Speaker(asked.account, asked.role, asked.id)
        if not await Registry(unit.tx).grant(speaker, asked.name, ctx.now()):
            raise Refused("access.denied", "The account is bound otherwise, or was revoked: make a new one.")
    return {"account": asked.account}


async def revoke(ctx: Context, body: dict[str, Any]) -> dict[str, Any]:
    """Takes an account's access. Raises Refused: event.malformed, speaker.unknown."""
    try:
        asked = RevokeBody.model_validate(body)
    except ValidationError as error:
        raise Refused("event.malformed", first_problem(error)) from None
    async with ctx.unit() as unit:
        if not await Registry(unit.tx).revoke(asked.account, ctx.now()):
            raise Refused("speaker.unknown")
    return {"account": asked.account}


QUESTIONS = {"grant": grant, "revoke": revoke, "key": key, "readers": readers}
