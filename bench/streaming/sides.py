"""The processes: an engine behind uvicorn; an engine at the bus, as a worker has it; the door in front of the bus."""

import asyncio
import itertools
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from assay.bus.talk import Talk, open_talk
from assay.client.serving.fleet import Fleet
from assay.client.serving.flight import fresh_id
from assay.client.serving.http import EVENTS, Http, Receive, Scope, Send, begin, part, read_body
from assay.client.serving.openai import DONE, Form
from assay.client.serving.payer import Payer
from assay.client.serving.replica import Replica
from assay.client.serving.server import listening
from assay.execution.serving import Serving
from assay.execution.vouching import Vouchers
from assay.proof.eip712 import Domain
from assay.proof.keys import Key
from assay.proof.voucher import Purse, Stream
from assay.schema.event import Event
from assay.schema.job import JobSpec
from assay.schema.lease import LeaseGranted
from assay.schema.served import Payload, Piece, Request, Told, Turned
from assay.schema.values import Role, participant_id
from assay.store.journal import Journal
from assay.workloads.serve import ServeParams
from bench.streaming.engine import Paced

SECRET: Final = "sk-bench"
MODEL: Final = "paced"
MOST: Final = 4096
GREET_S: Final = 0.2
NAME: Final = "ab" * 32
WORKERS: Final = ("l" + "a" * 26, "l" + "b" * 26)
KEY: Final = Key.from_hex("33" * 32)
PROVIDER: Final = participant_id(Role.PROVIDER, Key.from_hex("44" * 32).address)
REQUESTER: Final = participant_id(Role.REQUESTER, KEY.address)
DOMAIN: Final = Domain(1, "0x" + "5a" * 20)
UNVOUCHED_S: Final = 60.0
MANY: Final = 64
PARAMS: Final = ServeParams(
    model="ab" * 32, caller=KEY.address, name=NAME, segments=1, segment_requests=MANY, batch=MANY, max_tokens=MOST
)


def granted(lease: str) -> LeaseGranted:
    """A lease that serves, of as many tokens as are asked."""
    spec = JobSpec(kind="serve", segments=1, segment_units=2**40)
    terms = {"offer_id": "f" + "a" * 26, "mega_unit_price": 1, "deadline_ms": 2**50, "requester": REQUESTER}
    return LeaseGranted(lease_id=lease, job_id="j" + "a" * 26, provider=PROVIDER, fence=1, spec=spec, **terms)


class Unsaid:
    """Nobody is told what is owed by now: a worker says it every ten seconds, and no token waits for it."""

    def say(self, event: Event) -> None:
        """Say nothing."""


class Plain:
    """The least application that streams an engine's answers in OpenAI's form."""

    def __init__(self) -> None:
        self.engine = Paced(self._tell)
        self._answers: dict[str, asyncio.Queue[Piece]] = {}
        self._numbers = itertools.count()

    async def _tell(self, word: Told | Turned) -> None:
        assert isinstance(word, Told)
        for piece in word.pieces:
            self._answers[piece.request_id].put_nowait(piece)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Stream one answer."""
        asked = json.loads(await read_body(dict(scope["headers"]), receive))
        form, answer = Form(fresh_id(), MODEL, int(time.time())), asyncio.Queue[Piece]()
        payload = {"messages": asked["messages"], "max_tokens": asked["max_tokens"]}
        plain = Payload.model_validate(payload | {"seed": 0, "temperature": 1.0, "top_p": 1.0}).model_dump_json()
        request = Request(request_id=fresh_id(), number=next(self._numbers), payload=plain, signature="0x" + "0" * 130)
        self._answers[request.request_id] = answer
        self.engine.ask(request)
        await begin(send, 200, EVENTS)
        while True:
            piece = await answer.get()
            said = form.text(piece.text) + (DONE if piece.finish else b"")
            await part(send, said, is_last=bool(piece.finish))
            if piece.finish:
                return


async def direct(folder: Path, name: str) -> None:
    """uvicorn and the engine in one process."""
    app = Plain()
    async with running(app.engine.run()), door_of(app, folder, name):
        await asyncio.Event().wait()


async def worker(folder: Path, name: str) -> None:
    """The engine at the bus, behind the part of a worker that serves."""
    engine = Paced(lambda word: serving.tell(word))
    journal = Journal(folder / f"{name}.sqlite")
    account = Vouchers(journal.vouchers, Unsaid(), DOMAIN, UNVOUCHED_S).account(granted(name), PARAMS, 0)  # type: ignore[arg-type]
    serving = Serving(MANY, MOST, engine, account)
    url, creds = (folder / "url").read_text(), (folder / f"{name}.provider").read_text()
    async with running(engine.run()):
        await serving.run(lambda: open_talk(url, creds, name, Role.PROVIDER))


async def door(folder: Path, name: str) -> None:
    """The door with a replica for each worker."""
    fleet, url = Fleet([]), (folder / "url").read_text()
    talks = {}
    for lease in WORKERS:
        replica = Replica(NAME, KEY, fresh_id())
        talks[replica] = await open_talk(url, (folder / f"{lease}.requester").read_text(), lease, Role.REQUESTER)
        await talks[replica].hear(hearing(fleet, replica), replica.caller)
        fleet.replicas.append(replica)
    stream = {replica: Stream.of(granted(lease), REQUESTER) for replica, lease in zip(talks, WORKERS, strict=True)}
    payers = {replica: Payer(KEY, DOMAIN, Purse(stream[replica], PARAMS.step_tokens)) for replica in talks}
    app = Http(fleet, MODEL, MOST, [SECRET], int(time.time()))
    async with running(fleet.run()), running(greet(fleet, talks, payers)):
        while not all(replica.is_ready for replica in fleet.replicas):
            await asyncio.sleep(GREET_S)
        async with door_of(app, folder, name):
            await asyncio.Event().wait()


async def greet(fleet: Fleet, talks: Mapping[Replica, Talk], payers: Mapping[Replica, Payer]) -> None:
    """Take a replica that was lost back when it is heard, as a keeper does."""
    while True:
        for replica, talk in talks.items():
            if not replica.is_open:
                replica.open(talk, payers[replica], fleet.now())
            if not replica.is_heard:
                await talk.say(b"", replica.caller)
        await asyncio.sleep(GREET_S)


def hearing(fleet: Fleet, replica: Replica) -> Callable[[str, bytes], Awaitable[None]]:
    """How what a worker says reaches its replica."""
    return lambda _, data: fleet.hear(replica, data)


@asynccontextmanager
async def running(work: Awaitable[None]) -> AsyncIterator[None]:
    """The work goes on for as long as the block."""
    task = asyncio.ensure_future(work)
    try:
        yield
    finally:
        task.cancel()


@asynccontextmanager
async def door_of(app: Http | Plain, folder: Path, name: str) -> AsyncIterator[None]:
    """The application listens for as long as the block; its port is written down."""
    async with listening(app, "127.0.0.1", 0) as port:
        (folder / f"{name}.new").write_text(str(port))
        (folder / f"{name}.new").rename(folder / f"{name}.port")
        yield


SIDES: Final = {"direct": direct, "worker": worker, "door": door}
