"""The ingest over a real database and the bus's twin: batches, faults, and who bears the cost of them."""

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from services.gateway.tests.conftest import DOMAIN, Person, claim_of
from tests.servers import MakeSchema

from assay.bus.memory import MemoryBus
from assay.bus.port import Message
from assay.gateway import ingest as ingest_module
from assay.gateway.checks import CHECKS
from assay.gateway.claim import Claim, Desk
from assay.gateway.domain import Rates, Speaker
from assay.gateway.ingest import Ingest, Waiting
from assay.gateway.main import service
from assay.gateway.queries import Registry
from assay.gateway.settings import Settings
from assay.runtime.context import Context
from assay.runtime.emission import Speech
from assay.runtime.metrics import Metrics
from assay.runtime.telemetry import Telemetry
from assay.schema.epoch import EpochTraced
from assay.schema.errors import Refused
from assay.schema.offer import OfferWithdrawn
from assay.schema.values import NO_DIGEST, derive_id
from assay.store.store import Store

pytestmark = pytest.mark.server


@pytest.fixture
async def ingest(make_schema: MakeSchema, provider: Person, rival: Person) -> AsyncIterator[Ingest]:
    """An ingest that knows two providers, with a database of its own."""
    gateway = service()
    database = await make_schema("gateway", gateway.migrations)
    store = await Store.connect(database, "gateway")
    await store.migrate(gateway.migrations)
    settings = Settings(postgres_dsn=database, deployment_file=Path("none"))
    telemetry = Telemetry("gateway", 0.0)
    ctx = Context(gateway, settings, store, MemoryBus(), Metrics(), telemetry, Speech(gateway, telemetry))
    async with ctx.unit() as unit:
        for person in (provider, rival):
            await Registry(unit.tx).grant(Speaker(person.account, person.role, person.id), person.name, 0)
    yield Ingest(ctx, DOMAIN, Rates(10_000, 10_000))
    await store.close()


TRACED = {"epoch_id": derive_id("x", 1), "number": 1, "root": NO_DIGEST, "lease_id": derive_id("l", 1), "segment": 1}
TRACED["trace"] = NO_DIGEST


class CountingBlobs:
    """A store that counts how often all that is remembered of it is forgotten."""

    forgotten = 0

    def forget(self) -> None:
        self.forgotten += 1


def withdrawn(person: Person, number: int) -> Claim:
    event = OfferWithdrawn(offer_id=derive_id("f", number), provider=person.id)
    return person.claim(event, time.time_ns() // 1_000_000)


def message_of(claim: Claim) -> Message:
    return Message(f"ingest.{claim.account}.{claim.type}.{claim.about}", claim.headers, claim.data)


async def told(ingest: Ingest, claims: list[Claim]) -> list[Any]:
    """What each claim of one batch is answered."""
    waiting = [Waiting(claim) for claim in claims]
    await ingest.settle(waiting)
    return await asyncio.gather(*(one.answer for one in waiting), return_exceptions=True)


async def outbox(ingest: Ingest) -> list[str]:
    async with ingest.ctx.store.transaction() as tx:
        return [row[0] for row in await tx.fetch("select event_id from outbox order by position")]


async def test_a_batch_is_let_in_in_one_transaction_and_in_its_order(ingest: Ingest, provider: Person) -> None:
    claims = [withdrawn(provider, number) for number in range(20)]
    assert await told(ingest, claims) == [b""] * 20
    assert await outbox(ingest) == [claim.id for claim in claims]


async def test_a_refusal_changes_nothing_but_a_line_for_its_sender(
    ingest: Ingest, provider: Person, rival: Person
) -> None:
    good = withdrawn(provider, 1)
    forged = claim_of(provider.account, good.envelope, {**good.headers, "ce-source": rival.id})
    answers = await told(ingest, [forged, good, good])
    assert [getattr(answer, "code", answer) for answer in answers] == ["event.forged", b"", "event.replayed"]
    assert await outbox(ingest) == [good.id]
    async with ingest.ctx.store.transaction() as tx:
        rows = await Registry(tx).refusals(provider.account, 10)
        assert await Registry(tx).refusals(rival.account, 10) == []
    assert [row["code"] for row in rows] == ["event.forged"]


async def test_the_store_is_asked_anew_once_after_anything_was_let_go(ingest: Ingest, provider: Person) -> None:
    said = EpochTraced(**TRACED, provider=provider.id)
    ingest.ctx.bus.blobs = blobs = CountingBlobs()  # type: ignore[misc]
    for turn, forgotten in ((0, 1), (0, 1), (1, 2), (1, 2)):
        async with ingest.ctx.unit() as unit:
            await unit.tx.execute("update let_go set turn = $1", turn)
        await ingest.commit([provider.claim(said, time.time_ns() // 1_000_000)])
        assert blobs.forgotten == forgotten


async def test_what_is_said_again_after_a_restart_is_a_replay(ingest: Ingest, provider: Person) -> None:
    claim = withdrawn(provider, 1)
    await told(ingest, [claim])
    again = Ingest(replace(ingest.ctx, metrics=Metrics()), DOMAIN, Rates(1, 1))
    (answer,) = await told(again, [claim])
    assert answer.code == "event.replayed"
    assert await outbox(ingest) == [claim.id]


async def test_one_claim_that_breaks_a_check_does_not_break_the_others(
    ingest: Ingest, provider: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    claims = [withdrawn(provider, number) for number in range(5)]

    async def check_broken(claim: Claim, desk: Desk) -> None:
        if claim is claims[2]:
            raise ZeroDivisionError

    monkeypatch.setattr(ingest_module, "CHECKS", (*CHECKS, check_broken))
    answers = await told(ingest, claims)
    assert [isinstance(answer, ZeroDivisionError) for answer in answers] == [False, False, True, False, False]
    assert await outbox(ingest) == [claim.id for claim in claims if claim is not claims[2]]


async def test_who_is_refused_again_and_again_is_looked_at_no_more_and_others_are(
    ingest: Ingest, provider: Person, rival: Person
) -> None:
    ingest.patience = Rates(0.001, 3)
    bad = withdrawn(rival, 1)
    bad.headers = {**bad.headers, "ce-signature": "0x" + "11" * 65}
    assert [answer.code for answer in await told(ingest, [bad] * 3)] == ["event.forged"] * 3
    with pytest.raises(Refused, match=r"rate\.exceeded"):
        await ingest.take(message_of(bad))
    worker = asyncio.create_task(ingest.run())
    assert await ingest.take(message_of(withdrawn(provider, 1))) == b""
    worker.cancel()


async def test_a_strangers_text_reaches_no_table_as_it_is(ingest: Ingest, provider: Person) -> None:
    headers = {"ce-id": "\0'; drop table account", "ce-type": "\ud800", "ce-source": "x", "ce-time": "\0"}
    answers = await told(ingest, [Claim(provider.account, "offer.\0", "\ud800", headers, b"\0")])
    assert isinstance(answers[0], Refused)
    async with ingest.ctx.store.transaction() as tx:
        (row,) = await Registry(tx).refusals(provider.account, 10)
    assert row["event_id"] == "?'; drop table account"
