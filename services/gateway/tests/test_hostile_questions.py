"""Whatever participants ask at the door: each question is answered, or refused by a typed error, over real Postgres."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from services.gateway.tests.conftest import Person
from tests import desk
from tests.servers import MakeSchema

from assay.bus.blob_door import BASE_HEADER, OFFSET_HEADER, RUNS_HEADER, SEAL_HEADER, TOTAL_HEADER
from assay.bus.layout import write_runs
from assay.bus.port import Message
from assay.gateway.asks import Asks
from assay.gateway.beats import Beats
from assay.gateway.domain import Rates, Speaker
from assay.gateway.door import Parts
from assay.gateway.main import service
from assay.gateway.queries import Registry
from assay.gateway.settings import Settings
from assay.proof.digest import blob_digest
from assay.schema.errors import AssayError, Refused
from assay.schema.values import Role, derive_id

pytestmark = pytest.mark.server

DIGEST, JOB = "ab" * 32, derive_id("j", 1)
FIELDS: dict[str, dict[str, Any]] = {
    "replay": {"after": 0, "limit": 1, "feed": "own", "entity": ""},
    "job": {"job_id": JOB},
    "why": {"job_id": JOB},
    "talk": {"job_id": JOB},
    "plan": {"kind": "render", "params": {"scene": DIGEST}},
    "blob": {"digest": DIGEST, "offset": 0, "total": 10},
    "network": {},
    "jobs": {},
    "refusals": {},
}
ODD: tuple[Any, ...] = (None, True, -1, 2**63 - 1, 2**63, 10**40, 1e308, float("nan"), "", "\0", JOB + "\n", [], {})
WORK: tuple[Any, ...] = ({"scene": DIGEST, "first": 2**63}, {"scene": DIGEST, "first": 101, "frames": [{}] * 9}, {})


@pytest.fixture
async def asks(make_schema: MakeSchema, tmp_path: Path, requester: Person) -> AsyncIterator[Asks]:
    """The questions of one requester."""
    database = await make_schema("gateway", service().migrations)
    settings_ = Settings(postgres_dsn=database, deployment_file=tmp_path / "none.json")
    door = await desk.Desk.of(service(), settings_, 1_800_000_000_000)
    async with door.ctx.unit() as unit:
        speaker = Speaker(requester.account, Role.REQUESTER, requester.id)
        await Registry(unit.tx).grant(speaker, "ann", 1)
    yield Asks(door.ctx, Rates(1e9, 10**9), b"seed")
    await door.close()


@pytest.mark.parametrize("name", FIELDS)
async def test_a_field_that_holds_anything_at_all_is_answered_or_refused_by_a_typed_error(
    asks: Asks, requester: Person, name: str
) -> None:
    bodies: list[Any] = [FIELDS[name] | {field: odd} for field in FIELDS[name] for odd in (*ODD, *WORK)]
    for body in (*bodies, *ODD):
        try:
            said = await asks.answer(Message(f"ask.{requester.account}.{name}", {}, json.dumps(body).encode()))
        except AssayError:
            continue
        json.loads(said[1] if isinstance(said, tuple) else said)


@pytest.mark.parametrize(
    ("name", "body", "code"),
    [
        ("replay", {"after": 2**63}, "event.malformed"),
        ("blob", {"digest": "\0", "offset": 0}, "event.malformed"),
        (
            "plan",
            {"kind": "render", "params": {"scene": DIGEST, "frames": [{}, {}], "first": 10**20}},
            "job.bad_params",
        ),
    ],
)
async def test_what_no_table_or_list_can_hold_is_malformed(
    asks: Asks, requester: Person, name: str, body: dict[str, Any], code: str
) -> None:
    with pytest.raises(Refused) as refused:
        await asks.answer(Message(f"ask.{requester.account}.{name}", {}, json.dumps(body).encode()))
    assert refused.value.code == code


@pytest.mark.parametrize("field", [OFFSET_HEADER, TOTAL_HEADER, BASE_HEADER, RUNS_HEADER])
@pytest.mark.parametrize("odd", ["", "-1", "x", "٣", "9" * 5000, str(2**63), "0 0 0", DIGEST])
async def test_a_part_of_a_blob_with_any_header_is_refused_by_a_typed_error(
    asks: Asks, requester: Person, field: str, odd: str
) -> None:
    parts = Parts(asks.ctx, Beats(asks.ctx, asks.rates), asks.rates, 2**30)
    headers = {OFFSET_HEADER: "0", TOTAL_HEADER: "10", SEAL_HEADER: "1", BASE_HEADER: DIGEST} | {field: odd}
    with pytest.raises(Refused):
        await parts.take(Message(f"ingest.{requester.account}.blob.{DIGEST}", headers, b"x"))


async def test_only_who_may_let_go_has_written_down_what_it_borrows_and_that_for_digests_alone(
    asks: Asks, requester: Person, provider: Person
) -> None:
    speaker = Speaker(provider.account, Role.PROVIDER, provider.id)
    async with asks.ctx.unit() as unit:
        await Registry(unit.tx).grant(speaker, "bob", 1)
    base, other = blob_digest(b"base"), blob_digest(b"other")
    headers = {OFFSET_HEADER: "0", TOTAL_HEADER: "10", SEAL_HEADER: "1", BASE_HEADER: base}
    headers |= {RUNS_HEADER: write_runs([(0, 0, 1)])}
    parts = Parts(asks.ctx, Beats(asks.ctx, asks.rates), asks.rates, 2**30)
    lent = []
    for account, digest in ((requester.account, other), (provider.account, "x"), (provider.account, other)):
        await asks.ctx.bus.blobs.keep(base, b"base", account)
        with pytest.raises(Refused):
            await parts.take(Message(f"ingest.{account}.blob.{digest}", headers, b"x"))
        async with asks.ctx.unit() as unit:
            lent.append([tuple(row) for row in await unit.tx.fetch("select account, borrower from lent")])
    assert lent == [[], [], [(provider.account, other)]]
