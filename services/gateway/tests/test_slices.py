"""Slices at the door: for who may read the whole and for nobody else, a few at a time, over real Postgres."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from services.gateway.tests.conftest import Person
from tests import desk
from tests.servers import MakeSchema

from assay.bus.port import Message
from assay.bus.slicer import Slicer
from assay.gateway.asks import Asks
from assay.gateway.domain import Rates, Speaker
from assay.gateway.main import service
from assay.gateway.queries import Registry
from assay.gateway.settings import Settings
from assay.proof.digest import blob_digest
from assay.proof.slices import open_slice
from assay.schema.errors import Refused, Retry
from assay.schema.values import Role

pytestmark = pytest.mark.server

DATA = bytes(range(256)) * 20
DIGEST = blob_digest(DATA)
ADD = "insert into readable (digest, participant) values ($1, $2)"


@pytest.fixture
async def asks(make_schema: MakeSchema, tmp_path: Path, requester: Person, provider: Person) -> AsyncIterator[Asks]:
    """The door of a requester and a provider, who has uploaded a blob."""
    database = await make_schema("gateway", service().migrations)
    settings_ = Settings(postgres_dsn=database, deployment_file=tmp_path / "none.json")
    door = await desk.Desk.of(service(), settings_, 1_800_000_000_000)
    async with door.ctx.unit() as unit:
        for person, role in ((requester, Role.REQUESTER), (provider, Role.PROVIDER)):
            await Registry(unit.tx).grant(Speaker(person.account, role, person.id), role.value, 1)
        await Registry(unit.tx).grant(Speaker("AOBSERVER", Role.OBSERVER, ""), "eve", 1)
    await door.ctx.bus.blobs.keep(DIGEST, DATA, provider.account)
    yield Asks(door.ctx, Rates(1e9, 10**9), b"seed")
    await door.close()


async def answer(asks: Asks, account: str, **body: Any) -> Any:
    asked = {"digest": DIGEST, "offset": 2000, "length": 9} | body
    return await asks.answer(Message(f"ask.{account}.blob", {}, json.dumps(asked).encode()))


async def code_of(asks: Asks, account: str, **body: Any) -> str:
    with pytest.raises(Refused) as refused:
        await answer(asks, account, **body)
    return refused.value.code


async def test_a_slice_is_given_to_whom_the_whole_would_be(asks: Asks, requester: Person, provider: Person) -> None:
    assert open_slice(DIGEST, 2000, 9, await answer(asks, provider.account)).data == DATA[2000:2009]
    assert await code_of(asks, requester.account) == "blob.missing"
    assert await code_of(asks, requester.account, digest="ab" * 32) == "blob.missing"
    assert await code_of(asks, "AOBSERVER") == "access.denied"
    async with asks.ctx.unit() as unit:
        await unit.tx.execute(ADD, DIGEST, requester.id)
    assert open_slice(DIGEST, 2000, 9, await answer(asks, requester.account)) == (len(DATA), DATA[2000:2009])


@pytest.mark.parametrize("odd", [None, True, -1, 1.5, float("nan"), "1", [], {}, 2**63, 10**40, len(DATA)])
async def test_a_place_or_length_that_cannot_be_is_refused(asks: Asks, provider: Person, odd: Any) -> None:
    assert await code_of(asks, provider.account, offset=odd) == "slice.range"
    if odd != len(DATA):
        assert await code_of(asks, provider.account, length=odd) == "slice.range"


async def test_an_account_has_one_slice_made_at_a_time_and_few_accounts_at_once(
    asks: Asks, requester: Person, provider: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def give(*_: Any) -> bytes:
        begun.set()
        await go_on.wait()
        return b"proof"

    monkeypatch.setattr(Slicer, "give", give)
    monkeypatch.setattr("assay.gateway.letting_go.ACCOUNTS_MAX", 1)
    await asks.ctx.bus.blobs.keep(DIGEST, DATA, requester.account)
    first = asyncio.create_task(answer(asks, provider.account))
    await begun.wait()
    with pytest.raises(Retry):
        await answer(asks, provider.account)
    assert await code_of(asks, requester.account) == "rate.exceeded"
    go_on.set()
    assert await first == b"proof" == await answer(asks, requester.account)
