"""What a service is asked: by the operator straight, by everybody else through the door."""

import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

from assay.bus import connect
from assay.client.errors import BadProfile
from assay.client.output import Output
from assay.client.profile import Profile
from assay.client.relaying import Ask
from assay.client.sdk import Assay
from assay.schema.values import Role, participant_id


async def ask_service(out: Output, service: str, question: str, body: dict[str, Any]) -> dict[str, Any]:
    """A service's answer to the operator. Raises BadSettings, Unreachable, Refused."""
    profile = Profile.find(out.profile)
    if profile.admin_creds_file is None:
        raise BadProfile("Only the operator asks services: use the operator's profile.")
    bus = await connect(profile.nats_url, profile.admin_creds_file, "assay-cli")
    try:
        answer = await bus.ask(f"assay.ask.{service}.{question}", json.dumps(body).encode())
        found: dict[str, Any] = json.loads(answer.data)
        return found
    finally:
        await bus.close()


async def ask_of_own(out: Output, question: str, address: str) -> dict[str, Any]:
    """What settlement answers of the profile's own money, at this address. Raises Unreachable, Retry, Refused."""
    profile = Profile.find(out.profile)
    if profile.admin_creds_file:
        return await ask_service(out, "settlement", question, {"of": participant_id(Role.REQUESTER, address)})
    async with Assay.connect(profile) as assay:
        return await assay.door.ask(question, {})


def say_waiting(out: Output, amounts: Mapping[str, int], words: str, show: Callable[[int], str]) -> None:
    """Tell people what does not count yet, by the block that it waits for: safe, or final."""
    for block, amount in amounts.items():
        if amount:
            out.say(f"{show(amount)} of {words} count once their block is {block} on the chain.")


@asynccontextmanager
async def relay_door(out: Output, address: str) -> AsyncIterator[Ask]:
    """By what the operator is asked to send what the profile's key signed. Raises Unreachable."""
    profile = Profile.find(out.profile)
    if profile.admin_creds_file:
        of = participant_id(Role.REQUESTER, address)
        yield lambda relay: ask_service(out, "settlement", "relay", {"of": of, "relay": relay})
        return
    async with Assay.connect(profile) as assay:
        yield partial(assay.door.ask, "relay")
