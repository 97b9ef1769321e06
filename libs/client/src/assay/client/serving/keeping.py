"""Keeping a replica: a job that serves is submitted, its lease found, its talk opened; again whenever one has ended.

A replica counts again when a word of it is heard: the lease of a provider that died stands for a while.
"""

import asyncio
import logging
import secrets
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from assay.bus.talk import Talk, open_talk
from assay.client.sdk import Assay
from assay.client.serving.comparing import FalseAnswer
from assay.client.serving.fleet import Fleet
from assay.client.serving.payer import Payer
from assay.client.serving.replica import Replica
from assay.proof.voucher import Purse, Stream
from assay.schema.errors import Refused, Retry, Unreachable
from assay.schema.job import JobState
from assay.schema.values import AVOIDED_MAX, Requirements, Role, address_of

LOOK_S: Final = 0.5
AGAIN_S: Final = 2.0
PAUSE_S_MAX: Final = 60.0
TRIES_MAX: Final = 4
"""After so many jobs in a row that ended before a word was heard of them, a replica counts as failed."""
COMPARE_S: Final = 10.0
HELLO: Final = b""
"""Asks for a beat."""
ALIVE: Final = frozenset({JobState.SUBMITTED, JobState.FUNDED, JobState.MATCHED, JobState.RUNNING})

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Terms:
    """What every job of a fleet is ordered with, besides what is its own."""

    params: Mapping[str, Any]
    price_limit: int
    deadline_s: int


@dataclass(eq=False)
class Keeper:
    """Keeps one replica for as long as `run` runs; `regions` are those of its provider."""

    assay: Assay
    nats_url: str
    terms: Terms
    fleet: Fleet
    replica: Replica
    regions: tuple[str, ...] = ()
    job_id: str = ""
    lease_id: str = ""
    provider: str = ""
    talk: Talk | None = None
    tries: int = 0
    """How many jobs in a row have ended, or were refused, before a word was heard of them."""
    compared: str = ""
    """The checkpoint that was looked at last."""
    compared_s: float = 0.0

    async def run(self) -> None:
        """Keep the replica; a network that is away, or refuses, is asked again."""
        while True:
            try:
                await self._look()
                if time.monotonic() - self.compared_s > COMPARE_S:
                    self.compared_s = time.monotonic()
                    await self._compare()
            except (Retry, Unreachable, Refused) as error:
                log.warning("a replica waits: %s", error)
                await asyncio.sleep(AGAIN_S)
            await asyncio.sleep(LOOK_S)

    async def leave(self) -> None:
        """Have the job stopped: what came is vouched for and paid unless it is found false now, the rest comes back."""
        with suppress(Retry, Unreachable, Refused):
            await self._compare()
        await self.replica.pay(0)
        await self.close()
        await self._cancel()

    async def _cancel(self) -> None:
        if self.job_id:
            with suppress(Retry, Unreachable, Refused):
                await self.assay.cancel(self.job_id)
        self.job_id = ""

    async def _look(self) -> None:
        if self.replica.is_ready:
            self.tries = 0
            return
        if not await self._is_alive():
            await self.fleet.lose(self.replica)
            await self._submit()
        found = await self._lease()
        if found and (found["lease_id"] != self.lease_id or not self.replica.is_open):
            await self._open(found)
        elif found and self.talk and not self.replica.is_heard:
            await self.talk.say(HELLO, self.replica.caller)

    async def _is_alive(self) -> bool:
        """Whether the job goes on; of one that does not, what it committed to last is looked at yet."""
        view = await self.assay.job(self.job_id) if self.job_id else None
        if view is None or JobState(view.state) in ALIVE:
            return view is not None
        log.warning("a replica's job ended as %s: %s", view.state, view.reason or "it gave no reason")
        with suppress(Refused):
            await self._compare()
        self.job_id = ""
        await self._fall(f"{view.state}: {view.reason or 'it gave no reason'}")
        return False

    async def _fall(self, reason: str) -> None:
        """Count one more job that came to nothing, and wait the longer the more there were."""
        self.tries += 1
        if self.tries > TRIES_MAX:
            self.fleet.fail(self.replica, reason)
        if self.tries > 1:
            await asyncio.sleep(min(AGAIN_S * 2**self.tries, PAUSE_S_MAX))

    async def _compare(self) -> None:
        """Hold what the lease has committed to against what it said; a provider that deceives is left, and avoided."""
        payer = self.replica.payer
        if not (self.job_id and payer and payer.words.heard):
            return
        of_lease = (self.job_id, payer.purse.stream.lease_id)
        if (checkpoint := await committed_to(self.assay, *of_lease)) in (None, self.compared):
            return
        try:
            payer.compare(await self.assay.read(checkpoint))
        except FalseAnswer as error:
            log.error("a replica is left: %s", error)
            self.fleet.avoided.add(self.provider)
            await self.fleet.lose(self.replica)
            await self.close()
            await self._cancel()
        self.compared = checkpoint

    async def _submit(self) -> None:
        self.replica.name = secrets.token_hex(32)
        own = {"caller": self.replica.key.address, "name": self.replica.name}
        avoided = tuple(sorted(self.fleet.avoided))[:AVOIDED_MAX]
        try:
            self.job_id = await self.assay.submit(
                "serve",
                dict(self.terms.params) | own,
                price_limit=self.terms.price_limit,
                deadline_s=self.terms.deadline_s,
                requirements=Requirements(regions=self.regions, avoid=avoided),
            )
        except Refused as refused:
            await self._fall(str(refused))
            raise
        log.info("a replica is ordered: %s", self.job_id)

    async def _lease(self) -> dict[str, Any] | None:
        """The lease that the job has now, with the way into its talk, if it has one."""
        try:
            return await self.assay.door.ask("talk", {"job_id": self.job_id})
        except Refused as refused:
            if refused.code != "lease.unknown":
                raise
            return None

    async def _open(self, found: dict[str, Any]) -> None:
        await self.fleet.lose(self.replica)
        await self.close()
        talk = await open_talk(self.nats_url, found["creds"], found["lease_id"], Role.REQUESTER)
        await talk.hear(lambda _, data: self.fleet.hear(self.replica, data), self.replica.caller)
        self.talk, self.lease_id, self.provider = talk, found["lease_id"], found["provider"]
        self.replica.open(talk, self._payer(found), time.monotonic())
        await talk.say(HELLO, self.replica.caller)
        log.info("a replica is found: lease %s", self.lease_id)

    def _payer(self, found: dict[str, Any]) -> Payer:
        """What is owed for a lease: it goes on where it was left, if the lease is the same."""
        known = self.replica.payer
        if known and known.purse.stream.lease_id == found["lease_id"]:
            return known
        stream = Stream(found["lease_id"], self.assay.key.address, address_of(found["provider"]))
        return Payer(self.assay.key, self.assay.domain, Purse(stream, self.terms.params["step_tokens"]))

    async def close(self) -> None:
        """Leave the talk."""
        if self.talk:
            await self.talk.close()
        self.talk = None


async def committed_to(assay: Assay, job_id: str, lease_id: str) -> str | None:
    """The checkpoint that a lease has committed to last, if there is one."""
    steps = (await assay.job(job_id)).timeline
    told = [step.detail for step in steps if step.event == "lease.committed" and step.about == lease_id]
    return max(told, key=lambda each: each["segment"])["checkpoint"] if told else None
