"""What participants may ask at the door: `ask.<account>.<question>`, each with who may ask it.

A requester sees its own jobs, an observer all of them; what is not one's to see does not exist.
"""

import json
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Annotated, Any, Final

from pydantic import BaseModel, Field, JsonValue, TypeAdapter, ValidationError

from assay.bus.blob_door import check_reader, give_part
from assay.bus.feed import replay_answer
from assay.bus.parts import check_digest
from assay.bus.port import Answer, BlobStore, Message
from assay.bus.slicer import Slicer
from assay.gateway import key_asks
from assay.gateway.claim import admit
from assay.gateway.domain import PUBLIC, Rates, Speaker
from assay.gateway.evidence import Evidence
from assay.gateway.feed import Feed
from assay.gateway.keys import Keys
from assay.gateway.letting_go import LET_GO, Turns, let_go
from assay.gateway.network import provider_row
from assay.gateway.offers import Offers
from assay.gateway.plan import plan_of
from assay.gateway.queries import Registry
from assay.gateway.readers import Readers
from assay.gateway.talks import talk_of
from assay.gateway.verifiers import Verifiers
from assay.gateway.view import View, view_of
from assay.gateway.why import explain, explain_lack
from assay.runtime import Context
from assay.schema.errors import Refused, Retry, Unreachable
from assay.schema.event import EVENT_BYTES_MAX, first_problem
from assay.schema.job import JobState
from assay.schema.values import INPUT_BYTES_ANY, JobId, Kind, Role
from assay.store import Transaction

SUBJECT: Final = "ask.*.*"
ROWS_MAX: Final = 256
JOBS_MAX: Final = 50
COMMITS_SHOWN: Final = 100
# The sums of a slice take a twentieth of a second of one processor.
SLICES_PER_S: Final = 8.0
BODY: Final = TypeAdapter(dict[str, JsonValue])


class ReplayBody(BaseModel):
    after: Annotated[int, Field(ge=0, lt=2**63)] = 0
    limit: Annotated[int, Field(ge=1)] = ROWS_MAX
    feed: Annotated[str, Field(pattern="^(own|public)$")] = "own"
    entity: Annotated[str, Field(pattern="^[a-z]{0,16}$")] = ""


class JobBody(BaseModel):
    job_id: JobId


class PlanBody(BaseModel):
    kind: Kind
    params: dict[str, JsonValue] = {}


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asks, and the tables within one transaction."""

    speaker: Speaker
    tx: Transaction
    now_ms: int
    blobs: BlobStore

    async def replay(self, body: dict[str, Any]) -> View:
        """The next items of one's own feed, or of the public one."""
        asked = ReplayBody.model_validate(body)
        recipient = PUBLIC if asked.feed == PUBLIC else self.speaker.recipient
        items = await Feed(self.tx).replay(recipient, asked.after, min(asked.limit, ROWS_MAX), asked.entity)
        return replay_answer(items)

    async def job(self, body: dict[str, Any]) -> View:
        """One job with its timeline."""
        job_id = JobBody.model_validate(body).job_id
        held = await Registry(self.tx).job(job_id)
        if held is None or (self.speaker.role is not Role.OBSERVER and held.requester != self.speaker.participant):
            raise Refused("job.unknown")
        views = await self._views([job_id], COMMITS_SHOWN)
        if not views:
            raise Refused("event.ahead", "The job was let in a moment ago.")
        return views[0]

    async def jobs(self, body: dict[str, Any]) -> View:
        """One's own latest jobs, newest first, without their timelines and parameters."""
        job_ids = await Feed(self.tx).recent(self.speaker.participant, JOBS_MAX)
        views = await self._views(job_ids, 1)
        newest = sorted(views, key=lambda view: (-view["submitted_ms"], view["job_id"]))
        return {"jobs": [view | {"timeline": [], "params": {}} for view in newest]}

    async def why(self, body: dict[str, Any]) -> View:
        """Why a job is where it is."""
        return explain(await self.job(body))

    async def network(self, body: dict[str, Any]) -> View:
        """Providers with their offers, and verifiers with their bonds."""
        providers = [provider_row(row) for row in await Offers(self.tx).network(ROWS_MAX)]
        return {"providers": providers, "verifiers": await Verifiers(self.tx).network(ROWS_MAX, self.now_ms)}

    async def plan(self, body: dict[str, Any]) -> View:
        """How a kind of work cuts a job with such parameters, and which inputs one has sealed, for which regions."""
        asked = PlanBody.model_validate(body)
        plan = plan_of(asked.kind, asked.params)
        names = ("segments", "segment_units", "inputs")
        brings = sum([await self._size(digest) for digest in set(plan.inputs)])
        needs = {**plan.requirements, "input_bytes": brings if brings > INPUT_BYTES_ANY else 0}
        held = await Keys(self.tx).held(plan.inputs)
        own = {digest: key for digest, key in held.items() if key.owner == self.speaker.participant}
        allowed = [set(key.regions) for key in own.values() if key.regions]
        sealed = {"sealed": sorted(own), "regions": sorted(set.intersection(*allowed)) if allowed else []}
        return {name: getattr(plan, name) for name in names} | {"requirements": needs} | sealed

    async def _size(self, digest: str) -> int:
        """How many bytes of an input the asker may know of; 0 where there is none for it."""
        held = await self.blobs.holds(self.speaker.account, check_digest(digest), is_fresh=False)
        is_there = held or (
            await Readers(self.tx).may_read(digest, self.speaker.participant) and await self.blobs.has(digest)
        )
        return await self.blobs.size(digest) if is_there else 0

    async def refusals(self, body: dict[str, Any]) -> View:
        """What was refused to this account lately, newest first."""
        return {"refusals": await Registry(self.tx).refusals(self.speaker.account, ROWS_MAX)}

    async def is_told(self, digest: str) -> bool:
        """Whether the blob is a receipt, or named by an event told to the asker. Raises Refused: access.denied."""
        if self.speaker.role is Role.OBSERVER and not await Registry(self.tx).is_receipt(digest):
            raise Refused("access.denied", "Observers read receipts only.")
        return await Readers(self.tx).may_read(digest, self.speaker.participant)

    async def _views(self, job_ids: list[str], commits_max: int) -> list[View]:
        feed = Feed(self.tx)
        said, commits = await feed.of_jobs(job_ids, commits_max), await feed.commits(job_ids)
        return [view for of_job in said.values() if (view := view_of(of_job, commits))]


Question = Callable[[Asker, dict[str, Any]], Awaitable[View]]
ANYONE: Final = frozenset({Role.REQUESTER, Role.PROVIDER, Role.VERIFIER, Role.OBSERVER})
READERS: Final = frozenset({Role.REQUESTER, Role.OBSERVER})

WHY: Final = "why"
QUESTIONS: Final[Mapping[str, tuple[Question, frozenset[Role]]]] = {
    "replay": (Asker.replay, ANYONE),
    "job": (Asker.job, READERS),
    WHY: (Asker.why, READERS),
    "jobs": (Asker.jobs, frozenset({Role.REQUESTER})),
    "network": (Asker.network, ANYONE),
    "plan": (Asker.plan, ANYONE),
    "refusals": (Asker.refusals, ANYONE),
}
BLOB: Final = "blob"
TALK: Final = "talk"
OWNERS: Final = ANYONE - {Role.OBSERVER}
# What settlement answers, to each of itself alone.
OF_SETTLEMENT: Final[Mapping[str, frozenset[Role]]] = {
    "balances": OWNERS,
    "leaf": OWNERS,
    "relay": frozenset({Role.REQUESTER}),
}


@dataclass(frozen=True, slots=True)
class Asks:
    """Answers the questions of participants."""

    ctx: Context
    rates: Rates
    talk_seed: bytes | None = None
    turns: Turns = field(default_factory=Turns)
    slicing: Turns = field(default_factory=partial(Turns, SLICES_PER_S))
    slicer: Slicer = field(default_factory=Slicer)

    async def answer(self, message: Message) -> Answer:
        """The answer. Raises Refused."""
        _, account, question = message.subject.split(".")
        if wait_s := self.rates.take(account, self.ctx.now()):
            raise Refused("rate.exceeded", retry_after_s=wait_s)
        body = parse(message.data)
        async with self.ctx.unit() as unit:
            speaker = admit(await Registry(unit.tx).speaker(account))
            asker = Asker(speaker, unit.tx, self.ctx.now(), self.ctx.bus.blobs)
            if question == TALK:
                body = await talk_of(unit.tx, speaker, body, self.talk_seed, self.ctx.now() // 1000)
                return json.dumps(body).encode()
            if question in key_asks.ASKS:
                check_role(speaker, question, key_asks.ASKS[question])
                return json.dumps(await key_asks.answer(self.ctx, unit, speaker, question, body)).encode()
            if question not in {*OF_SETTLEMENT, BLOB, LET_GO}:
                view = await ask(asker, question, body)
                if question == WHY and speaker.role is Role.REQUESTER and view["state"] == JobState.SUBMITTED:
                    view = explain_lack(view, await self._lack(speaker, view["job_id"]))
                return json.dumps(view).encode()
            if question == LET_GO:
                check_role(speaker, question, frozenset({Role.PROVIDER}))
            is_told = question == BLOB and await self._may_read(asker, check_digest(body.get("digest")))
        if question == BLOB and "length" in body:
            return await self._slice(account, body, is_told)
        if question == BLOB:
            return await give_part(self.ctx.bus.blobs, account, body, is_told)
        if question == LET_GO:
            with self.turns.one(account, self.ctx.now()):
                return json.dumps(await let_go(self.ctx, speaker)).encode()
        return await self._of_settlement(speaker, question, body)

    async def _slice(self, account: str, body: dict[str, Any], is_told: bool) -> bytes:
        """A slice of a blob with its proof, for whoever may read the blob. Raises Refused, Retry."""
        digest = check_digest(body.get("digest"))
        await check_reader(self.ctx.bus.blobs, account, digest, is_told)
        with self.slicing.one(account, self.ctx.now()):
            return await self.slicer.give(self.ctx.bus.blobs, digest, body.get("offset"), body["length"])

    async def _may_read(self, asker: Asker, digest: str) -> bool:
        """Whether the blob is evidence, a receipt, or named by an event told to the asker. Raises Refused."""
        for owner in await Evidence(asker.tx).owners(digest):
            if await self.ctx.bus.blobs.holds(owner, digest):
                return True
        return await asker.is_told(digest)

    async def _lack(self, speaker: Speaker, job_id: str) -> str | None:
        """The name of what the job's order waits for; None if it waits for nothing, or settlement is away."""
        try:
            said = json.loads(await self._of_settlement(speaker, "balances", {}))
        except (Retry, Unreachable):
            return None
        lack: str | None = said.get("awaiting", {}).get(job_id)
        return lack

    async def _of_settlement(self, speaker: Speaker, question: str, body: dict[str, Any]) -> bytes:
        check_role(speaker, question, OF_SETTLEMENT[question])
        asked = {"of": speaker.participant} | ({"relay": body} if question == "relay" else {})
        return (await self.ctx.bus.ask(f"assay.ask.settlement.{question}", json.dumps(asked).encode())).data


async def ask(asker: Asker, name: str, body: dict[str, Any]) -> View:
    """The answer to one question. Raises Refused: question.unknown, access.denied, event.malformed."""
    if name not in QUESTIONS:
        raise Refused("question.unknown")
    question, roles = QUESTIONS[name]
    check_role(asker.speaker, name, roles)
    try:
        return await question(asker, body)
    except ValidationError as error:
        raise Refused("event.malformed", first_problem(error)) from None


def check_role(speaker: Speaker, question: str, roles: Collection[Role]) -> None:
    """Raises Refused: access.denied, where the question is for other roles."""
    if speaker.role not in roles:
        raise Refused("access.denied", f"{speaker.role.value}s do not ask {question}.")


def parse(data: bytes) -> dict[str, Any]:
    """The body of a question. Raises Refused: event.malformed, event.oversized."""
    if len(data) > EVENT_BYTES_MAX:
        raise Refused("event.oversized", f"{len(data)} of at most {EVENT_BYTES_MAX} bytes.")
    try:
        return BODY.validate_json(data or b"{}")
    except ValidationError as error:
        raise Refused("event.malformed", first_problem(error)) from None
