"""What a provider may let go of, over real Postgres: never what an audit, a court or an appeal may come back to."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from services.gateway.tests.conftest import Person
from tests import desk
from tests.servers import MakeSchema

from assay.bus.parts import PART_BYTES
from assay.gateway.domain import Speaker
from assay.gateway.letting_go import BURST, Turns, let_go
from assay.gateway.main import service
from assay.gateway.settings import Settings
from assay.gateway.snapshots import NAMED_MS, Snapshots
from assay.proof.digest import blob_digest
from assay.schema.audit import AuditOverruled
from assay.schema.epoch import EpochTraced
from assay.schema.errors import Refused, Retry
from assay.schema.event import Event
from assay.schema.lease import LeaseCommitted, LeaseExecuted, SlashReason
from assay.schema.values import NO_DIGEST, Role, derive_id

pytestmark = pytest.mark.server

NOW_MS = 1_800_000_000_000
SEGMENTS = 3
STATES = [bytes([number]) * 100 for number in range(SEGMENTS)]
DIGESTS = [blob_digest(state) for state in STATES]
BOTH = "insert into life (entity, id, state) values ($1, $2, $3) on conflict (entity, id) do update set state = $3"


class Door:
    """The gateway's tables and blobs, with a provider's work in them."""

    def __init__(self, gateway: desk.Desk, provider: Person) -> None:
        self.gateway, self.ctx, self.provider = gateway, gateway.ctx, provider
        self.blobs = gateway.ctx.bus.blobs

    async def sql(self, *statements: tuple[str, *tuple[object, ...]]) -> None:
        async with self.ctx.unit() as unit:
            for sql, *values in statements:
                await unit.tx.execute(sql, *values)

    async def let_in(self, *events: Event) -> None:
        """What the ingest writes down of statements."""
        async with self.ctx.unit() as unit:
            snapshots = Snapshots(unit.tx)
            await snapshots.share()
            for event in events:
                snapshots.note(event)
            await snapshots.write(self.gateway.now_ms)

    async def worked(self, number: int = 1, states: list[bytes] = STATES, by: Person | None = None) -> str:
        """A job of one lease, done and settled, as far as the tables know; its id."""
        who = by or self.provider
        job_id, lease_id, epoch_id = derive_id("j", number), derive_id("l", number), derive_id("x", number)
        fact = {"lease_id": lease_id, "job_id": job_id, "provider": who.id, "fence": 1}
        digests = [blob_digest(state) for state in states]
        for digest, state in zip(digests, states, strict=True):
            await self.blobs.keep(digest, state, who.account)
        names = dict.fromkeys(("state_in", "state_out", "previous", "commitment"), NO_DIGEST)
        await self.sql(
            ("insert into job values ($1, 'r', 1)", job_id),
            ("insert into lease values ($1, $2, $3, 1)", lease_id, job_id, who.id),
            ("insert into epoch_job values ($1, $2)", epoch_id, job_id),
            (BOTH, "job", job_id, "settled"),
            (BOTH, "lease", lease_id, "paid"),
            (BOTH, "epoch", epoch_id, "settled"),
        )
        await self.let_in(
            *(
                LeaseCommitted(**fact, **names, segment=at, checkpoint=digest, units=1, compute_ms=1)
                for at, digest in enumerate(digests)
            ),
            LeaseExecuted(**fact, result=digests[-1], root=NO_DIGEST, segments=len(digests)),
        )
        return job_id

    async def let_go(self, who: Person | None = None) -> int:
        """How many blobs a provider was let go of, asking until there is none."""
        who, gone = who or self.provider, 0
        while more := (await let_go(self.ctx, Speaker(who.account, who.role, who.id)))["gone"]:
            gone += more
        return gone

    async def here(self, digests: list[str] = DIGESTS) -> list[bool]:
        return [await self.blobs.has(digest) for digest in digests]


@pytest.fixture
async def door(make_schema: MakeSchema, provider: Person, rival: Person, tmp_path: Path) -> AsyncIterator[Door]:
    """A gateway's tables, in which two providers have accounts."""
    database = await make_schema("gateway", service().migrations)
    settings = Settings(postgres_dsn=database, deployment_file=tmp_path / "none.json")
    gateway = await desk.Desk.of(service(), settings, NOW_MS)
    found = Door(gateway, provider)
    for who in (provider, rival):
        await found.sql(("insert into account values ($1, 'provider', $2, 'x', 1)", who.account, who.id))
    yield found
    await gateway.close()


async def test_intermediate_checkpoints_go_once_all_is_settled_and_the_last_one_stays(door: Door) -> None:
    await door.worked()
    assert await door.let_go() == SEGMENTS - 1
    assert await door.here() == [False, False, True]
    assert await door.let_go() == 0


def of(state: str, entity: str) -> tuple[str, *tuple[object, ...]]:
    letter = {"job": "j", "lease": "l", "epoch": "x"}[entity]
    return (BOTH, entity, derive_id(letter, 1), state)


SAID = "insert into said values ('e1', 1, $1, $2, null, 'verification', 1, '', '')"
READ = "insert into readable values ($1, 'v1')"
STANDS: dict[str, list[tuple[Any, ...]]] = {
    "its job is not closed": [of("verified", "job")],
    "its lease is not paid": [of("verified", "lease")],
    "its lease was slashed": [of("slashed", "lease")],
    "its epoch is not settled": [of("passed", "epoch")],
    "another epoch of the job is open": [("insert into epoch_job values ('x2', $1)", derive_id("j", 1))],
    "an answer differed": [(SAID, "epoch.mismatched", derive_id("x", 1))],
    "a dispute was lodged": [(SAID, "epoch.accused", derive_id("x", 1))],
    "something was withheld": [(SAID, "epoch.withheld", derive_id("x", 1))],
    "a verifier of it was overruled": [
        (READ, DIGESTS[0]),
        ("insert into overruled values ('v1', $1)", NOW_MS - 1),
    ],
}


@pytest.mark.parametrize("why", STANDS)
async def test_nothing_goes_while(door: Door, why: str) -> None:
    await door.worked()
    await door.sql(*STANDS[why])
    assert await door.let_go() == 0
    assert await door.here() == [True] * SEGMENTS


NEEDED: dict[str, tuple[Any, ...]] = {
    "an appeal rests on it": ("insert into accusation values ('c1', 'x', null, $1)", DIGESTS[0]),
    "an accusation rests on it": ("insert into accusation values ('c1', 'x', $1, null)", DIGESTS[0]),
    "it is an input of another job": (
        "insert into named values ($1, 'j2', 'input', '', 0, '', 1)",
        DIGESTS[0],
    ),
    "a job that is open has it as a checkpoint": (
        "insert into named values ($1, 'j2', 'snapshot', 'l2', 0, 'p2', 1), ($1, 'j2', 'snapshot', 'l2', 1, 'p2', 1)",
        DIGESTS[0],
    ),
}


@pytest.mark.parametrize("why", NEEDED)
async def test_a_blob_stays_where(door: Door, why: str) -> None:
    await door.worked()
    await door.sql(NEEDED[why])
    assert await door.let_go() == 1
    assert await door.here() == [True, False, True]


async def test_each_provider_lets_go_of_its_own_copies_alone(door: Door, rival: Person) -> None:
    await door.worked(1)
    await door.worked(2, by=rival)
    assert await door.let_go() == SEGMENTS - 1
    for digest in DIGESTS[:2]:
        assert await door.blobs.holds(rival.account, digest)
        assert not await door.blobs.holds(door.provider.account, digest)
    assert await door.here() == [True] * SEGMENTS
    assert await door.let_go(rival) == SEGMENTS - 1
    assert await door.here() == [False, False, True]


async def test_the_same_work_done_again_is_stored_and_named_again(door: Door) -> None:
    await door.worked(1)
    await door.let_go()
    await door.worked(2)
    assert await door.here() == [True] * SEGMENTS
    await door.sql(of("verified", "job"))
    assert await door.let_go() == SEGMENTS - 1


async def test_a_trace_goes_with_its_epoch(door: Door) -> None:
    await door.worked()
    trace = b"a trace"
    await door.blobs.keep(blob_digest(trace), trace, door.provider.account)
    names = {"epoch_id": derive_id("x", 1), "provider": door.provider.id, "number": 1, "root": NO_DIGEST}
    await door.let_in(EpochTraced(**names, lease_id=derive_id("l", 1), segment=1, trace=blob_digest(trace)))
    assert await door.let_go() == SEGMENTS
    assert not await door.blobs.has(blob_digest(trace))


async def test_a_result_keeps_the_parts_that_it_borrows_of_a_checkpoint_that_goes(door: Door) -> None:
    base, account = bytes(2 * PART_BYTES) + b"end", door.provider.account
    grown = base[: 2 * PART_BYTES] + b"other end"
    await door.worked(states=[base, STATES[1], grown[:7]])
    digest = blob_digest(grown)
    async with door.ctx.unit() as unit:
        assert await Snapshots(unit.tx).lend(account, [blob_digest(base)], digest, NOW_MS)
    last = 2 * PART_BYTES
    await door.blobs.write(digest, last, len(grown), grown[last:], account)
    await door.blobs.seal(digest, len(grown), account, (blob_digest(base), [(0, 0, 2)]))
    assert await door.let_go() == 2
    assert await door.blobs.get(digest) == grown
    assert not await door.blobs.has(blob_digest(base))


async def test_what_was_marked_before_a_crash_goes_first_and_cannot_be_borrowed(door: Door) -> None:
    await door.worked()
    account = door.provider.account
    async with door.ctx.unit() as unit:
        await Snapshots(unit.tx).mark(account, door.provider.id, 1, NOW_MS)
    ((marked,),) = await door.gateway.rows("select digest from leaving")
    async with door.ctx.unit() as unit:
        assert (account, marked) in (await Snapshots(unit.tx).share()).leaving
        assert not await Snapshots(unit.tx).lend(account, [marked], DIGESTS[2], NOW_MS)
    await door.blobs.let_go(account, marked)
    assert await door.let_go() == SEGMENTS - 1
    assert await door.gateway.rows("select * from leaving") == []


async def test_a_copy_that_is_named_while_the_first_goes_is_read_from_then_on(
    door: Door, rival: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    await door.worked(1)
    let = door.blobs.let_go

    async def named_first(*asked: Any) -> None:
        """The rival's statement is let in between the marking and the deletion."""
        if not await door.gateway.rows("select * from named where provider = $1", rival.id):
            await door.worked(2, by=rival)
        await let(*asked)

    monkeypatch.setattr(door.blobs, "let_go", named_first)
    assert await door.let_go() == SEGMENTS - 1
    assert await door.here() == [True] * SEGMENTS


async def test_what_is_remembered_of_the_store_counts_until_anything_is_let_go(door: Door, rival: Person) -> None:
    await door.worked()
    async with door.ctx.unit() as unit:
        before = (await Snapshots(unit.tx).share()).turn
    await door.let_go(rival)
    async with door.ctx.unit() as unit:
        assert (await Snapshots(unit.tx).share()).turn == before
    await door.let_go()
    async with door.ctx.unit() as unit:
        assert (await Snapshots(unit.tx).share()).turn > before


def test_an_account_lets_go_by_one_question_at_a_time_few_accounts_do_and_none_floods() -> None:
    turns = Turns()
    with turns.one("a1", 0), turns.one("a2", 0):
        with pytest.raises(Retry), turns.one("a1", 0):
            pass
        with pytest.raises(Refused, match=r"rate\.exceeded"), turns.one("a3", 0):
            pass
    for _ in range(BURST - 1):
        with turns.one("a1", 0):
            pass
    with pytest.raises(Refused, match=r"rate\.exceeded"), turns.one("a1", 0):
        pass
    with turns.one("a1", 1_000), turns.one("a3", 0):
        pass


async def test_a_store_that_fails_loses_nothing_and_leaves_nothing_marked(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    await door.worked()

    async def fails(*_: object) -> None:
        raise Retry("the store is away", 1.0)

    with monkeypatch.context() as patched:
        patched.setattr(door.blobs, "let_go", fails)
        assert await door.let_go() == 0
    assert await door.here() == [True] * SEGMENTS
    assert await door.gateway.rows("select * from leaving") == []
    assert await door.let_go() == SEGMENTS - 1


async def test_an_overruled_verifier_is_remembered_and_what_is_old_is_forgotten(door: Door) -> None:
    verifier = Person("val", Role.VERIFIER)
    said = AuditOverruled(audit_id=derive_id("a", 1), verifier=verifier.id, reason=SlashReason.LAZY_VERIFIER)
    await door.sql((BOTH, "audit", said.audit_id, "revealed"))
    await door.gateway.tell(said)
    assert await door.gateway.rows("select verifier from overruled") == [(verifier.id,)]
    await door.worked()
    door.gateway.__class__.now_ms = NOW_MS + NAMED_MS + 1
    await door.gateway.tick("prune")
    assert await door.gateway.rows("select * from named") == []
