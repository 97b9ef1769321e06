"""The SDK: a requester's or observer's connection to a network, async and typed.

async with Assay.connect(Profile.find(None)) as assay:
    job_id = await assay.submit("finetune", {"model": digest}, files={"data": Path("text.txt")}, price_limit=10**6)
    view = await assay.wait(job_id)
    await assay.fetch(job_id, Path("adapter.safetensors"))
"""

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any, Self

from assay.bus.feed import FeedItem, replayed
from assay.bus.keyfile import load_key
from assay.bus.keys import ask_seal
from assay.bus.participant import Door, connect_participant
from assay.chain import Chain, Deployment
from assay.chain.relayed import ask_withdrawal, sign_deposit, sign_exit, sign_stay
from assay.client.checkpoints import Checkpoint, committed_of
from assay.client.cutting import cut
from assay.client.data import Data
from assay.client.errors import typed
from assay.client.models import brought
from assay.client.ordered import ordered, spec_of
from assay.client.profile import Profile
from assay.client.relaying import left, linked, relayed
from assay.client.source import placed
from assay.client.view import ENDS, JobView
from assay.proof.keys import Key
from assay.proof.statement import sign_event
from assay.schema.errors import Refused, Retry, Unreachable
from assay.schema.event import Envelope, Event, decode
from assay.schema.job import JobSpec, JobWithdrawn
from assay.schema.relay import Relay
from assay.schema.values import Policy, Requirements, Role, derive_id, participant_id

DEADLINE_S = 3_600
PAGE = 256
POLL_S = 0.25
AWAY_S = 1.0
REST_S = 30.0
AHEAD_TRIES = 20

__all__ = ["Assay", "JobView"]


class Assay(Data):
    """One participant at the door of a network."""

    def __init__(self, door: Door, deployment: Deployment, key: Key | None, evm_url: str | None = None) -> None:
        super().__init__(door, key)
        self.deployment, self._evm_url = deployment, evm_url
        self.domain = deployment.domain

    @classmethod
    @asynccontextmanager
    async def connect(cls, profile: Profile) -> AsyncIterator[Self]:
        """A connection as the profile says. Raises Unreachable, BadSettings."""
        key = load_key(profile.key_file) if profile.key_file else None
        door = await connect_participant(profile.nats_url, profile.creds_file)
        try:
            yield cls(door, Deployment.load(profile.deployment_file), key, profile.evm_url)
        finally:
            await door.close()

    @property
    def requester(self) -> str:
        """The id under which jobs are submitted."""
        return participant_id(Role.REQUESTER, self.key.address)

    async def plan(self, kind: str, params: Mapping[str, Any]) -> dict[str, Any]:
        """How a kind cuts such a job: `segments`, `segment_units`, `inputs`, `requirements`. Raises Refused."""
        return await self.door.ask("plan", {"kind": kind, "params": brought(kind, params)})

    async def submit(
        self,
        kind: str,
        params: Mapping[str, Any],
        *,
        price_limit: int,
        files: Mapping[str, str | Path] | None = None,
        deadline_s: int = DEADLINE_S,
        requirements: Requirements | None = None,
        policy: Policy | None = None,
        seal: bool | None = None,
    ) -> str:
        """The id of a job that the network has taken. Raises Refused with what to do next.

        Each of `files`, paths or addresses, is uploaded, and the parameter of its name gets its digest (`placed`).
        `price_limit` is in base units of the stable token: what the signed order authorises at most.
        What is made for the job is sealed if told to `seal`, or, if nothing is told, where an input is.
        """
        digests = {name: await self.add(source) for name, source in (files or {}).items()}
        spec = await self.spec(kind, placed(params, digests), requirements=requirements, policy=policy)
        if spec.sealed if seal is None else seal:
            spec = spec.model_copy(update={"seal": await self.new_seal(spec.requirements.regions)})
        return await self.submit_spec(spec, price_limit, deadline_s)

    async def spec(
        self,
        kind: str,
        params: Mapping[str, Any],
        *,
        requirements: Requirements | None = None,
        policy: Policy | None = None,
    ) -> JobSpec:
        """A job's spec as the network cuts it, with the files of a model that was added here.

        A job that names no length of segments has it as work alike has measured. Raises Refused.
        """
        params = (await cut(self.door, kind, brought(kind, params))).params
        plan = await self.plan(kind, params)
        with typed():
            return spec_of(kind, params, plan, requirements or Requirements(), policy or Policy())

    async def submit_spec(
        self, spec: JobSpec, price_limit: int, deadline_s: int = DEADLINE_S, job_id: str | None = None
    ) -> str:
        """The id of a job with this very spec, signed and taken; `job_id` is one that was chosen before."""
        job_id = job_id or derive_id("j", secrets.token_hex(16))
        order = (self.requester, spec, price_limit, now_ms(), deadline_s, job_id)
        await self._tell(ordered(self.key, self.domain, *order))
        return job_id

    async def cancel(self, job_id: str) -> None:
        """Ask that a job be stopped; what is done and verified is paid, the rest comes back. Raises BadInput."""
        with typed():
            event = JobWithdrawn(job_id=job_id, requester=self.requester)
        await self._tell(event)

    async def deposit(self, amount: int) -> str:
        """The transaction that moved stable tokens into the deposit, at the operator's gas. Raises Refused."""
        async with self._chain() as chain:
            return await self._relayed(await sign_deposit(chain, self.key, amount))

    async def withdraw(self, amount: int | None = None) -> str:
        """The transaction that announced that an amount leaves the deposit, or, without one, sent what has left.

        It leaves after the notice; if no job, order or charge was open, once what was posted is final. Raises Refused.
        """
        async with self._chain() as chain:
            if amount:
                return await left(partial(self.door.ask, "relay"), await sign_exit(chain, self.key, amount))
            return await self._relayed(await ask_withdrawal(chain))

    async def stay(self) -> str:
        """The transaction that took the announcement back. Raises Refused."""
        async with self._chain() as chain:
            return await self._relayed(await sign_stay(chain, self.key))

    async def jobs(self) -> list[JobView]:
        """The requester's jobs, newest first."""
        answer = await self.door.ask("jobs", {})
        return [JobView.model_validate(job) for job in answer["jobs"]]

    async def job(self, job_id: str) -> JobView:
        """One job with its timeline. Raises Refused: job.unknown."""
        return JobView.model_validate(await self._ask_of("job", job_id))

    async def why(self, job_id: str) -> dict[str, Any]:
        """Why a job is where it is, in words."""
        return await self._ask_of("why", job_id)

    async def network(self) -> dict[str, Any]:
        """Providers and offers as the gateway sees them."""
        return await self.door.ask("network", {})

    async def wait(self, job_id: str, timeout_s: float | None = None) -> JobView:
        """The job once it has ended. Raises TimeoutError if it has not within the time."""
        async with asyncio.timeout(timeout_s):
            async for _ in self.watch(job_id):
                pass
        return await self.rested(job_id)

    async def rested(self, job_id: str) -> JobView:
        """The view of a job that has ended; its leases' pay comes by another stream and is waited for."""
        job, until_s = await self.job(job_id), time.monotonic() + REST_S
        while not job.is_at_rest and time.monotonic() < until_s:
            await asyncio.sleep(POLL_S)
            job = await self.job(job_id)
        return job

    async def watch(self, job_id: str) -> AsyncIterator[Envelope[Event]]:
        """What happens to a job and its leases, from its start until it has ended."""
        async for said in self.events():
            if getattr(said.event, "job_id", None) == job_id:
                yield said
                if said.event.type in ENDS:
                    return

    async def events(self, since: int = 0, follow: bool = True) -> AsyncIterator[Envelope[Event]]:
        """The public events after cursor `since`, then, if told to follow, each new one; none is missed or repeated.

        Once the first page has come, a follower waits out an outage of the network.
        """
        async for _, said in self.numbered_events(since, follow):
            yield said

    async def numbered_events(self, since: int = 0, follow: bool = True) -> AsyncIterator[tuple[int, Envelope[Event]]]:
        """As `events`, each with its cursor."""
        items = await self._page(since)
        while True:
            for item in items:
                since = item.seq
                yield item.seq, decode(item.headers, item.data)
            if not items:
                if not follow:
                    return
                await asyncio.sleep(POLL_S)
            items = await (self._page_in_time(since) if follow else self._page(since))

    async def _page(self, after: int) -> list[FeedItem]:
        return replayed(await self.door.ask("replay", {"after": after, "limit": PAGE, "feed": "public"}))

    async def _page_in_time(self, after: int) -> list[FeedItem]:
        while True:
            try:
                return await self._page(after)
            except (Retry, Unreachable):
                await asyncio.sleep(AWAY_S)

    async def fetch(self, job_id: str, target: Path) -> Path:
        """The file with a job's result, unsealed. Raises Refused: job.unfinished, blob.missing, key.*; BadPath."""
        view = await self.job(job_id)
        if view.result is None:
            raise Refused("job.unfinished", f"It is {view.state} and has no result.")
        return await self.save(view.result, target, view.seal)

    async def checkpoint(self, job_id: str, segment: int | None = None) -> Checkpoint:
        """What was committed to last of a job, or of a segment; what is read of it is proven against the signed digest.

        Raises Refused: blob.missing if nothing was, event.forged, key.*.
        """
        view = await self.job(job_id)
        committed = await committed_of(self.events(follow=False), self.domain, job_id, segment)
        key = await ask_seal(self.door.ask, self.key, view.seal) if view.seal else None
        return Checkpoint(self.door.blobs, committed, key)

    async def receipt(self, job_id: str, target: Path) -> Path:
        """The file with a job's receipt. Raises Refused: job.unfinished, blob.missing."""
        view = await self.job(job_id)
        if view.receipt is None:
            raise Refused("job.unfinished", f"It is {view.state} and has no receipt.")
        return await self.save(view.receipt, target)

    async def _ask_of(self, question: str, job_id: str) -> dict[str, Any]:
        """The answer about a job; one that was let in a moment ago is waited for."""
        for _ in range(AHEAD_TRIES):
            try:
                return await self.door.ask(question, {"job_id": job_id})
            except Refused as refusal:
                if refusal.code != "event.ahead":
                    raise
                await asyncio.sleep(POLL_S)
        return await self.door.ask(question, {"job_id": job_id})

    def _chain(self) -> AbstractAsyncContextManager[Chain]:
        return linked(self._evm_url, self.deployment)

    async def _relayed(self, relay: Relay) -> str:
        return await relayed(partial(self.door.ask, "relay"), relay)

    async def _tell(self, event: Event) -> None:
        await self.door.tell(sign_event(self.key, self.domain, event, self.requester, now_ms()))


def now_ms() -> int:
    """Milliseconds since 1970 by this machine's clock."""
    return time.time_ns() // 1_000_000
