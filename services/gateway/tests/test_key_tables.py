"""Who is told of keys, and when rights to them end, over real Postgres."""

from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from services.gateway.tests.conftest import PAYMENT, Person
from tests import desk
from tests.servers import MakeSchema

from assay.bus.keyfile import make_key
from assay.chain.values import Deployment
from assay.gateway.door import Doorkeeper
from assay.gateway.holder import KEPT_MS as LIES_MS
from assay.gateway.ingest import let_in
from assay.gateway.keys import UNHEARD_MS, Keys
from assay.gateway.main import service
from assay.gateway.prune import KEPT_MS
from assay.gateway.queries import Registry
from assay.gateway.settings import Settings
from assay.schema.audit import AuditAssigned, AuditLapsed
from assay.schema.errors import BadSettings
from assay.schema.job import JobSpec, JobUnfunded
from assay.schema.key import KeyDestroyed, KeyReleased
from assay.schema.values import NO_DIGEST, Role, derive_id

pytestmark = pytest.mark.server

NOW_MS = 1_800_000_000_000
DIGEST, SEAL = "d" * 64, "5" * 64
SPEC = JobSpec(kind="noop", inputs=(DIGEST,), sealed=(DIGEST,), segments=1, segment_units=1)
AUDIT, JOB = derive_id("a", 1), derive_id("j", 1)


@pytest.fixture
async def door(make_schema: MakeSchema, requester: Person, tmp_path: Path) -> AsyncIterator[desk.Desk]:
    """A gateway that holds one key."""
    places = {"payment": PAYMENT} | dict.fromkeys(("stable", "native", "pool", "anchors", "judge", "challenges"), "0x0")
    Deployment(chain_id=31337, deployed_block=0, **places).save(tmp_path / "deployment.json")
    make_key(tmp_path / "holder.key")
    files = {"deployment_file": tmp_path / "deployment.json", "holder_key_file": tmp_path / "holder.key"}
    database = await make_schema("gateway", service().migrations)
    door = await desk.Desk.of(service(), Settings(postgres_dsn=database, **files), NOW_MS)
    async with door.ctx.unit() as unit:
        await Keys(unit.tx).hold(DIGEST, requester.id, "wrapped", [], NOW_MS)
    yield door
    await door.close()


async def given_for_an_audit(door: desk.Desk) -> Any:
    """A verifier that was given the key; its answer is due now."""
    verifier = Person("val", Role.VERIFIER)
    terms = {"segment": 0, "nonce": NO_DIGEST, "fee": 1, "deadline_ms": NOW_MS}
    await door.tell(AuditAssigned(audit_id=AUDIT, verifier=verifier.id, spec=SPEC, **terms))
    async with door.ctx.unit() as unit:
        keys = Keys(unit.tx)
        held = (await keys.relied_on([DIGEST]))[DIGEST]
        assert await keys.release(held, verifier.id, AUDIT, False, NOW_MS)
    return verifier


async def test_who_has_sealed_its_answer_is_not_named_while_others_are_waited_for(door: desk.Desk) -> None:
    verifier = await given_for_an_audit(door)
    type(door).now_ms = NOW_MS + UNHEARD_MS
    assert await door.tick("keys") == []
    await door.tell(AuditLapsed(audit_id=AUDIT, verifier=verifier.id, code="audit.late"))
    (said,) = await door.tick("keys")
    assert isinstance(said, KeyReleased) and said.reader == verifier.id
    assert await door.tick("keys") == []


async def test_who_declined_is_named_a_day_after_its_answer_was_due(door: desk.Desk) -> None:
    await given_for_an_audit(door)
    type(door).now_ms = NOW_MS + UNHEARD_MS + 1
    assert [type(event) for event in await door.tick("keys")] == [KeyReleased]


async def test_a_key_is_not_destroyed_while_somebody_is_given_it(door: desk.Desk) -> None:
    async with door.ctx.unit() as unit:
        await Keys(unit.tx).forget(DIGEST, NOW_MS)
    async with door.ctx.unit() as unit:
        assert (await Keys(unit.tx).relied_on([DIGEST]))[DIGEST].is_leaving
        assert await door.tick("keys") == []
    assert [type(event) for event in await door.tick("keys")] == [KeyDestroyed]


async def test_a_job_keeps_its_key_from_the_moment_it_is_let_in(door: desk.Desk, requester: Person) -> None:
    claim = requester.claim(requester.order(JOB, NOW_MS + 60_000, SPEC), NOW_MS)
    async with door.ctx.unit() as unit:
        await let_in(unit, Registry(unit.tx), [claim], [None], NOW_MS)
    async with door.ctx.unit() as unit:
        await Keys(unit.tx).forget(DIGEST, NOW_MS)
    # Nothing of the job was heard from the bus yet.
    assert await door.tick("keys") == []
    assert await door.rows("select entity, id from key_right") == [("job", JOB)]


async def test_a_seal_lasts_as_long_as_the_results_of_the_last_job_under_it(door: desk.Desk, requester: Person) -> None:
    async with door.ctx.unit() as unit:
        await Keys(unit.tx).hold(SEAL, requester.id, "wrapped", [], NOW_MS + LIES_MS)
    day_ms = LIES_MS // 30
    jobs = [(NOW_MS, NOW_MS + day_ms), (NOW_MS + 50 * day_ms, NOW_MS + 70 * day_ms)]
    for number, (now_ms, deadline_ms) in enumerate(jobs):
        spec = SPEC.model_copy(update={"inputs": (), "sealed": (), "seal": SEAL})
        order = requester.order(derive_id("j", number), deadline_ms, spec)
        async with door.ctx.unit() as unit:
            await let_in(unit, Registry(unit.tx), [requester.claim(order, now_ms)], [None], now_ms)
        whose = {"job_id": order.job_id, "requester": requester.id}
        await door.tell(order, JobUnfunded(**whose, code="deposit.insufficient", reason="Nothing covers it."))
    for days, gone in ((61, [DIGEST]), (100, []), (101, [SEAL])):
        desk.Desk.now_ms = NOW_MS + days * day_ms
        assert [event.about for event in await door.tick("keys")] == gone


async def test_rights_to_a_key_go_a_week_after_it_was_destroyed(door: desk.Desk) -> None:
    await given_for_an_audit(door)
    async with door.ctx.unit() as unit:
        await Keys(unit.tx).destroy(DIGEST, NOW_MS)
    kept = "select id from key_right"
    for age_ms, left in ((KEPT_MS, [(AUDIT,)]), (KEPT_MS + 1, [])):
        type(door).now_ms = NOW_MS + age_ms
        assert await door.tick("prune") == []
        assert await door.rows(kept) == left


async def test_a_gateway_whose_holders_key_is_not_there_does_not_start(tmp_path: Path) -> None:
    files = {"deployment_file": tmp_path / "deployment.json", "holder_key_file": tmp_path / "holder.key"}
    context: Any = SimpleNamespace(settings=Settings(postgres_dsn="none", **files))
    with pytest.raises(BadSettings, match=r"There is no key file .*holder\.key"):
        await Doorkeeper().keep(context)
