"""Heartbeats: a provider's beat is held against its account and said again in the core; the gateway's own is the pulse.

The pulse proves that the way from the door to the services is open: a provider is silent only while the pulse is heard.
"""

import json
import logging
from dataclasses import dataclass, field
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError

from assay.bus.core import line_name
from assay.bus.port import Message
from assay.gateway.domain import Rates, Speaker
from assay.gateway.queries import Registry
from assay.runtime import Context
from assay.schema.errors import Retry, Unreachable
from assay.schema.event import EVENT_BYTES_MAX
from assay.schema.values import LeaseId, ProviderId, Role, SpareId
from assay.store.waiting import wait_for_event

SUBJECT: Final = "ingest.*.beat"
BY_THE_OTHER_SIDE: Final = frozenset({"Client Closed", "Read Error", "Write Error"})
"""How NATS calls it when a process or its kernel closes a connection. A server that stops, a stale or slow connection,
and an account that was shut out have other names, and say nothing of whether a provider lives."""
PULSE: Final = "assay.beat.gateway"
PULSE_S: Final = 1.0
LINE_CHARS_MAX: Final = 128
# How long a binding is believed without a look at the table: a revoked provider may beat for so long.
BELIEF_MS: Final = 2_000

log = logging.getLogger(__name__)


class Beat(BaseModel):
    """That a provider is alive, how far each of its leases is, which jobs it keeps warm for, and over which line."""

    model_config = ConfigDict(extra="ignore")

    provider: ProviderId
    leases: dict[LeaseId, dict[str, JsonValue]] = {}
    spares: tuple[SpareId, ...] = ()
    line: Annotated[str, Field(max_length=LINE_CHARS_MAX)] = ""


@dataclass(eq=False)
class Beats:
    """Passes beats on."""

    ctx: Context
    rates: Rates
    speakers: dict[str, tuple[Speaker | None, int]] = field(default_factory=dict)

    async def take(self, message: Message) -> None:
        """Say a genuine beat again; drop any other."""
        account = message.subject.split(".")[1]
        beat = beat_of(message.data)
        if beat is None or self.rates.take(account, self.ctx.now()):
            return
        try:
            speaker = await self.speaker(account)
        except Unreachable:
            return
        if speaker and not speaker.is_revoked and (speaker.role, speaker.participant) == (Role.PROVIDER, beat.provider):
            await self.ctx.bus.say(f"assay.beat.{beat.provider}", beat.model_dump_json().encode())

    async def speaker(self, account: str) -> Speaker | None:
        """Whose an account is, as it was a moment ago. Raises Unreachable."""
        known = self.speakers.get(account)
        if known is None or known[1] + BELIEF_MS < self.ctx.now():
            known = await self._look_up(account) or known
            if known is None:
                raise Unreachable("The tables do not answer.")
            self.speakers[account] = known
        return known[0]

    async def _look_up(self, account: str) -> tuple[Speaker | None, int] | None:
        try:
            async with self.ctx.unit() as unit:
                return await Registry(unit.tx).speaker(account), self.ctx.now()
        except (Retry, Unreachable):
            # A database that is away must not silence providers: what was believed is believed on.
            return None


@dataclass(eq=False)
class LostLines:
    """Passes on which line of which provider was closed: a hint that it may be dead, and no more than that."""

    beats: Beats

    async def take(self, message: Message) -> None:
        """Say whose line it was, if a provider's machine closed it."""
        account, line = message.subject.split(".")[1], lost_line(message.data)
        ctx = self.beats.ctx
        if line is None or self.beats.rates.take(account, ctx.now()):
            return
        try:
            speaker = await self.beats.speaker(account)
        except Unreachable:
            return
        if speaker and speaker.role is Role.PROVIDER:
            await ctx.bus.say(f"assay.lost.{speaker.participant}", line.encode())


async def pulse(ctx: Context) -> None:
    """Say each second that the way from the door to the services is open, while the tables answer."""
    while not await wait_for_event(ctx.stopping, PULSE_S):
        try:
            async with ctx.unit() as unit:
                await unit.tx.fetchval("select 1")
            await ctx.bus.say(PULSE, json.dumps({"time_ms": ctx.now()}).encode())
        except (Retry, Unreachable) as error:
            log.warning("no pulse: %s", error)


def lost_line(data: bytes) -> str | None:
    """The line of which a server says that the other side closed it; None if the server itself did, or an operator."""
    try:
        said = json.loads(data)
        line = line_name(said["server"]["id"], said["client"]["id"])
        return line if said["reason"] in BY_THE_OTHER_SIDE else None
    except (ValueError, KeyError, TypeError):
        return None


def beat_of(data: bytes) -> Beat | None:
    """The beat, if it is one."""
    if len(data) > EVENT_BYTES_MAX:
        return None
    try:
        return Beat.model_validate_json(data)
    except ValidationError:
        return None
