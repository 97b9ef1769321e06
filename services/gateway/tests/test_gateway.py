"""The gateway over real servers: participants in accounts of their own on one side, the core's streams on the other."""

import asyncio
import json
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from services.gateway.tests.conftest import PAYMENT, Person, granted, started
from tests.servers import MakeSchema

from assay.bus import Door, JetStreamBus, Record, connect, connect_participant
from assay.bus.api import call
from assay.bus.keyfile import make_key
from assay.bus.parts import PART_BYTES
from assay.bus.port import Message
from assay.chain.values import Deployment
from assay.gateway.main import service
from assay.gateway.settings import Settings
from assay.gateway.verifiers import Verifiers
from assay.proof import spec_digest
from assay.proof.commitment import chain, leaf_of
from assay.proof.pool import Pool, write_entries
from assay.runtime.serving import serve
from assay.schema import Envelope, decode
from assay.schema.attestation import ReportFinding
from assay.schema.audit import AuditAssigned, AuditLapsed, AuditSealed, VerifierAnnounced, VerifierWithdrawn
from assay.schema.beacon import (
    BeaconCalled,
    BeaconCommitted,
    BeaconExcused,
    BeaconMissed,
    BeaconOpened,
    BeaconRevealed,
    beacon_fact,
)
from assay.schema.challenge import ChallengeAnswered, ChallengeCalled, Part
from assay.schema.epoch import (
    DrawnSegment,
    EpochAnchored,
    EpochCommitted,
    EpochDrawn,
    EpochEntry,
    EpochOpened,
    EpochPooled,
    EpochTraced,
    EpochWaiting,
    epoch_id_of,
)
from assay.schema.errors import Refused, Unreachable
from assay.schema.event import Event
from assay.schema.job import (
    JobExpired,
    JobFunded,
    JobInterrupted,
    JobMatched,
    JobRefunded,
    JobSpec,
    JobStarted,
    JobSubmitted,
    JobWaiting,
)
from assay.schema.lease import LeaseCommitted, LeaseGranted, LeaseLapsed
from assay.schema.offer import OfferListed, OfferWithdrawn, StakeChanged
from assay.schema.slash import SlashAppealed, SlashProposed
from assay.schema.streams import STREAMS
from assay.schema.values import BOND_PER_VERIFIER, NO_DIGEST, Capacity, Requirements, Role, derive_id
from assay.store.store import Store

pytestmark = pytest.mark.server

WITHIN_S = 60.0


def now_ms() -> int:
    return time.time_ns() // 1_000_000


async def until(found: Callable[[], Awaitable[Any]]) -> Any:
    """What `found` finds, once it is true."""
    deadline_s = time.monotonic() + WITHIN_S
    while not (value := await found()):
        assert time.monotonic() < deadline_s, "it did not come in time"
        await asyncio.sleep(0.02)
    return value


@contextmanager
def bearing_haste() -> Iterator[None]:
    """Bears that a job is asked for a moment after it was let in."""
    try:
        yield
    except Refused as refusal:
        if refusal.code != "event.ahead":
            raise


@dataclass
class World:
    """A running gateway, the core's bus, and ways in for people."""

    core: JetStreamBus
    grant: Callable[[Person], Awaitable[Door]]
    said: list[Envelope[Event]]
    dsn: str
    turn: int = 0

    async def says(self, source: str, *events: Event) -> None:
        """Services say events on the bus."""
        for event in events:
            self.turn += 1
            said: Envelope[Event] = Envelope.wrap(event, source, now_ms() + self.turn, cause=f"t{self.turn}")
            await self.core.publish([Record(said.id, said.subject, said.headers(), said.data)])

    async def reached_core(self, said: Envelope[Any]) -> Envelope[Event]:
        """The statement as the core's stream has it."""

        async def look() -> list[Envelope[Event]]:
            return [heard for heard in self.said if heard.id == said.id]

        return (await until(look))[0]


@pytest.fixture
async def core(nats_core: Any) -> AsyncIterator[JetStreamBus]:
    """The core's bus, as the other services have it."""
    bus = await connect(nats_core.url, nats_core.creds_file, "test")
    await bus.ensure_streams(STREAMS)
    yield bus
    for name in (await call(bus.nc, "STREAM.NAMES"))["streams"]:
        await call(bus.nc, f"STREAM.DELETE.{name}")
    await bus.close()


@pytest.fixture
async def world(
    core: JetStreamBus,
    nats_core: Any,
    nats_server: Any,
    nats_network: Any,
    nats_system: Any,
    make_schema: MakeSchema,
    tmp_path: Path,
) -> AsyncIterator[World]:
    """A gateway of this test's own."""
    database = await make_schema("gateway")
    places = {"payment": PAYMENT} | dict.fromkeys(("stable", "native", "pool", "anchors", "judge", "challenges"), "0x0")
    Deployment(chain_id=31337, deployed_block=0, **places).save(tmp_path / "deployment.json")
    make_key(tmp_path / "holder.key")
    settings = Settings(
        nats_url=nats_core.url,
        nats_creds_file=nats_core.creds_file,
        nats_monitoring_url=nats_server.monitor_url,
        postgres_dsn=database,
        deployment_file=tmp_path / "deployment.json",
        holder_key_file=tmp_path / "holder.key",
    )
    stopping = asyncio.Event()
    gateway = asyncio.create_task(serve(service(), settings, stopping))
    doors: list[Door] = []

    async def answers() -> bool:
        assert not gateway.done(), gateway.exception()
        try:
            await core.ask("assay.ask.gateway.revoke", b'{"account":"A"}', timeout_s=5)
        except Refused as refusal:
            return refusal.code == "speaker.unknown"
        except Unreachable:
            return False
        return False

    async def grant(person: Person) -> Door:
        made = nats_network.grant(person.role.value, person.name)
        await nats_network.push(nats_system, made.account_jwt)
        body = {"account": made.account_public, "role": person.role.value, "id": "", "name": person.name}
        body["id"] = "" if person.role is Role.OBSERVER else person.id
        await core.ask("assay.ask.gateway.grant", json.dumps(body).encode())
        creds = nats_server.creds_file(made.account_public, made.creds_text)
        doors.append(await connect_participant(nats_server.url, creds, person.name))
        doors[-1].account = made.account_public  # type: ignore[attr-defined]
        return doors[-1]

    said: list[Envelope[Event]] = []

    async def hear(message: Message) -> None:
        said.append(decode(message.headers, message.data))

    hearing = [await core.listen(f"assay.{entity}.>", hear) for entity in ("job", "lease", "offer", "key")]
    await until(answers)
    yield World(core, grant, said, database)
    for subscription in hearing:
        await subscription.close()
    for door in doors:
        await door.close()
    stopping.set()
    await gateway


def matched(lease: LeaseGranted) -> JobMatched:
    return JobMatched(job_id=lease.job_id, requester=lease.requester, lease_id=lease.lease_id, provider=lease.provider)


def committed(lease: LeaseGranted, segment: int, checkpoint: str = NO_DIGEST) -> LeaseCommitted:
    bare = LeaseCommitted(
        lease_id=lease.lease_id,
        job_id=lease.job_id,
        provider=lease.provider,
        fence=lease.fence,
        segment=segment,
        state_in=f"{segment:064x}",
        state_out=f"{segment + 1:064x}",
        checkpoint=checkpoint,
        units=1,
        previous=NO_DIGEST,
        commitment=NO_DIGEST,
        compute_ms=1,
    )
    return bare.model_copy(update={"commitment": chain(NO_DIGEST, leaf_of(bare, spec_digest(lease.spec)))})


async def test_a_job_goes_in_signed_and_its_people_are_told(
    world: World, requester: Person, provider: Person, rival: Person
) -> None:
    ann, bob, eve = await world.grant(requester), await world.grant(provider), await world.grant(rival)
    watcher = await world.grant(Person("owl", Role.OBSERVER))
    lease = granted(provider.id, requester.id, 1)
    pushed: list[int] = []

    async def on_push(item: Any) -> None:
        pushed.append(item.seq)

    await bob.feed(on_push)

    submitted = requester.sign(requester.order(lease.job_id, now_ms() + 60_000), now_ms())
    await ann.tell(submitted)
    await ann.tell(submitted)
    heard = await world.reached_core(submitted)
    assert (heard.source, heard.signature, heard.data) == (requester.id, submitted.signature, submitted.data)
    assert [said.id for said in world.said].count(submitted.id) == 1

    funded = JobFunded(job_id=lease.job_id, requester=requester.id, amount=100)
    await world.says("settlement", funded)
    await world.says("matching", JobWaiting(job_id=lease.job_id, requester=requester.id, reasons={"price": 3}))

    async def waits() -> bool:
        try:
            return bool((await ann.ask("why", {"job_id": lease.job_id}))["waiting"])
        except Refused:
            return False

    await until(waits)
    why = await ann.ask("why", {"job_id": lease.job_id})
    assert (why["state"], why["waiting"]) == ("funded", {"price": 3})
    assert "3 by price" in why["why"]

    await world.says("matching", lease, matched(lease))
    items = await until(lambda: bob.replay(0))
    assert [decode(item.headers, item.data).event for item in items] == [lease]

    async def has_push() -> list[int]:
        return pushed

    assert await until(has_push) == [1]

    await bob.tell(provider.sign(started(lease), now_ms()))
    await world.says("matching", JobStarted(job_id=lease.job_id, requester=requester.id, lease_id=lease.lease_id))
    # Whoever commits to a stranger's blob would have it read by a requester in league.
    with pytest.raises(Refused, match=r"blob\.missing"):
        await bob.tell(provider.sign(committed(lease, 0, await eve.blobs.put(b"of another")), now_ms()))
    commit = provider.sign(committed(lease, 0, await bob.blobs.put(b"a checkpoint")), now_ms())
    await bob.tell(commit)
    await world.reached_core(commit)
    with pytest.raises(Refused, match=r"lease\.unknown"):
        await eve.tell(rival.sign(committed(lease, 1).model_copy(update={"provider": rival.id}), now_ms()))

    lapsed = LeaseLapsed(
        lease_id=lease.lease_id,
        job_id=lease.job_id,
        provider=provider.id,
        fence=1,
        code="lease.silent",
        reason="It was silent.",
    )
    interrupted = JobInterrupted(
        job_id=lease.job_id, requester=requester.id, lease_id=lease.lease_id, reason="It was silent."
    )
    await world.says("matching", lapsed, interrupted)

    async def told() -> bool:
        return len(await bob.replay(0)) == 2

    await until(told)
    with pytest.raises(Refused, match=r"fence\.stale"):
        await bob.tell(provider.sign(committed(lease, 1), now_ms()))

    async def is_folded() -> Any:
        view = await ann.ask("job", {"job_id": lease.job_id})
        return view if view["state"] == "funded" and view["leases"][0]["state"] == "lapsed" else None

    view = await until(is_folded)
    assert (view["committed"], view["segments"], view["kind"]) == (1, 3, "noop")
    assert (view["leases"][0]["segments"], view["leases"][0]["reason"]) == (1, "It was silent.")
    assert {step["event"] for step in view["timeline"]} >= {"job.submitted", "lease.granted", "lease.committed"}
    assert (await watcher.ask("job", {"job_id": lease.job_id}))["state"] == "funded"
    (listed,) = (await ann.ask("jobs", {}))["jobs"]
    assert (listed["job_id"], listed["params"], listed["timeline"]) == (lease.job_id, {}, [])
    assert [row["code"] for row in (await bob.ask("refusals", {}))["refusals"]] == ["fence.stale", "blob.missing"]
    with pytest.raises(Refused, match=r"access\.denied"):
        await bob.ask("job", {"job_id": lease.job_id})
    with pytest.raises(Refused, match=r"job\.unknown"):
        await ann.ask("job", {"job_id": derive_id("j", 404)})
    await check_feeds(watcher, ann, world)


async def check_feeds(watcher: Door, ann: Door, world: World) -> None:
    """Feeds are gapless, and the public one holds everything once."""
    public = (await watcher.ask("replay", {"after": 0, "feed": "public"}))["items"]
    assert [item["seq"] for item in public] == list(range(1, len(public) + 1))
    assert len({item["headers"]["ce-id"] for item in public}) == len(public) == len(world.said)
    own = await ann.replay(0)
    assert [item.seq for item in own] == list(range(1, len(own) + 1))
    assert {decode(item.headers, item.data).event.entity() for item in own} == {"job"}
    assert [item.seq for item in await ann.replay(own[1].seq, 1)] == [own[2].seq]
    leases = (await watcher.ask("replay", {"feed": "public", "entity": "lease"}))["items"]
    assert {item["headers"]["ce-type"].split(".")[1] for item in leases} == {"lease"}


async def test_many_jobs_at_once_are_let_in_once_each(world: World, requester: Person, rival: Person) -> None:
    ann = await world.grant(requester)
    jobs = [requester.sign(requester.order(derive_id("j", n), now_ms() + 60_000), now_ms()) for n in range(120)]
    await asyncio.gather(*(ann.tell(said) for said in [*jobs, *jobs[:20]]))
    for said in jobs:
        await world.reached_core(said)
    assert sorted(said.id for said in world.said) == sorted(said.id for said in jobs)
    again = requester.sign(requester.order(derive_id("j", 5), now_ms() + 70_000), now_ms() + 9)
    with pytest.raises(Refused, match=r"job\.bad_order"):
        await ann.tell(again)


async def test_of_two_jobs_with_one_id_told_at_once_one_is_let_in(world: World, requester: Person) -> None:
    ann, other = await world.grant(requester), Person("joe", Role.REQUESTER)
    joe = await world.grant(other)
    mine = requester.sign(requester.order(derive_id("j", 1), now_ms() + 60_000), now_ms())
    his = other.sign(other.order(derive_id("j", 1), now_ms() + 60_000), now_ms())
    found = await asyncio.gather(ann.tell(mine), joe.tell(his), return_exceptions=True)
    assert sorted(getattr(error, "code", "") for error in found) == ["", "job.bad_order"]


async def test_a_revoked_account_is_heard_no_more(world: World, provider: Person) -> None:
    bob = await world.grant(provider)
    await bob.tell(provider.sign(OfferWithdrawn(offer_id=derive_id("f", 1), provider=provider.id), now_ms()))
    account = bob.account  # type: ignore[attr-defined]
    await world.core.ask("assay.ask.gateway.revoke", json.dumps({"account": account}).encode())
    with pytest.raises(Refused, match=r"speaker\.revoked"):
        await bob.tell(provider.sign(OfferWithdrawn(offer_id=derive_id("f", 2), provider=provider.id), now_ms()))
    with pytest.raises(Refused, match=r"speaker\.revoked"):
        await bob.replay(0)
    body = {"account": account, "role": "provider", "id": provider.id}
    with pytest.raises(Refused, match=r"access\.denied"):
        await world.core.ask("assay.ask.gateway.grant", json.dumps(body).encode())


async def test_access_is_not_granted_to_what_is_no_participant(world: World) -> None:
    wrong_letter = {"account": "A1", "role": "provider", "id": "r" + "a" * 32}
    for body in ({}, {"account": "A1", "role": "matching"}, wrong_letter):
        with pytest.raises(Refused, match=r"event\.malformed"):
            await world.core.ask("assay.ask.gateway.grant", json.dumps(body).encode())


async def test_a_beat_is_passed_on_for_the_provider_that_it_is_of(
    world: World, provider: Person, rival: Person
) -> None:
    bob, eve = await world.grant(provider), await world.grant(rival)
    heard: dict[str, bytes] = {}

    async def hear(message: Message) -> None:
        heard[message.subject.rpartition(".")[2]] = message.data

    await world.core.listen("assay.beat.*", hear)
    lease_id = derive_id("l", 1)
    for data in (b"", b"{", b"[]", b'{"provider":"x"}', json.dumps({"provider": provider.id}).encode()):
        await eve.beat(data)
    await eve.beat(json.dumps({"provider": rival.id}).encode())

    async def is_heard() -> bool:
        progress = {"segment": 1, "done": 2, "total": 3, "metrics": {"loss": 0.5}}
        await bob.beat(json.dumps({"provider": provider.id, "leases": {lease_id: progress}}).encode())
        return set(heard) >= {provider.id, rival.id, "gateway"}

    await until(is_heard)
    assert set(heard) == {provider.id, rival.id, "gateway"}
    assert json.loads(heard[provider.id])["leases"][lease_id]["metrics"] == {"loss": 0.5}


async def test_of_closed_lines_those_are_passed_on_that_a_providers_machine_closed(
    world: World, provider: Person, requester: Person
) -> None:
    bob, ann = await world.grant(provider), await world.grant(requester)
    heard: list[tuple[str, bytes]] = []

    async def hear(message: Message) -> None:
        heard.append((message.subject, message.data))

    await world.core.listen("assay.lost.*", hear)
    said = [
        *((bob, 1, why) for why in ("Server Shutdown", "Stale Connection", "Slow Consumer (Pending Bytes)", "Kicked")),
        (ann, 2, "Client Closed"),
        *((bob, number, why) for number, why in enumerate(("Client Closed", "Read Error", "Write Error"), 3)),
    ]
    for data in (b"", b"[]", b"{}", b'{"server": {"id": "S"}, "client": {}, "reason": "Client Closed"}'):
        await world.core.say(f"lost.{bob.account}", data)  # type: ignore[attr-defined]
    for who, number, why in said:
        body = {"server": {"id": "S"}, "client": {"id": number, "host": "192.0.2.1"}, "reason": why}
        await world.core.say(f"lost.{who.account}", json.dumps(body).encode())  # type: ignore[attr-defined]

    async def is_heard() -> bool:
        return len(heard) == 3

    await until(is_heard)
    assert heard == [(f"assay.lost.{provider.id}", f"S:{number}".encode()) for number in (3, 4, 5)]


async def test_blobs_pass_the_door_whole_or_not_at_all(world: World, requester: Person, provider: Person) -> None:
    ann, bob = await world.grant(requester), await world.grant(provider)
    data = bytes(range(256)) * (2 * PART_BYTES // 256) + b"the rest"
    digest = await ann.blobs.put(data)
    assert await ann.blobs.get(digest) == data
    assert await world.core.blobs.get(digest) == data
    with pytest.raises(Refused, match=r"blob\.missing"):
        await bob.blobs.get("0" * 64)


async def test_who_knows_a_strangers_digest_has_nobody_read_it_and_who_has_the_bytes_may(
    world: World, requester: Person
) -> None:
    spy = Person("spy", Role.REQUESTER)
    ann, eve = await world.grant(requester), await world.grant(spy)
    data = random.Random(5).randbytes(PART_BYTES) + b"private"
    known, unknown = await ann.blobs.put(data), "0" * 64

    async def refusal_of(digest: str, number: int) -> str:
        params = {"model": "1" * 64, "data": digest, "steps": 4, "segment_steps": 2}
        needs = Requirements(memory_bytes=4 * 2**30)
        spec = JobSpec(
            kind="finetune", params=params, inputs=(digest,), segments=2, segment_units=512, requirements=needs
        )
        order = spy.order(derive_id("j", number), now_ms() + 60_000, spec)
        try:
            await eve.tell(spy.sign(order, now_ms()))
        except Refused as refusal:
            return str(refusal).replace(digest, "DIGEST")
        return ""

    assert "job.missing_input" in await refusal_of(known, 1) == await refusal_of(unknown, 2)
    told = [await eve.ask("blob", {"digest": digest, "total": 9}) for digest in (known, unknown)]
    assert told == [{"size": None, "missing": [0]}] * 2
    assert not await eve.blobs.has(known)
    with pytest.raises(Refused, match=r"blob\.missing"):
        await eve.blobs.get(known)
    assert await eve.blobs.put(data) == known
    assert await refusal_of(known, 3) == ""


async def test_a_blob_is_read_by_whom_an_event_tells_of_it_and_by_nobody_else(
    world: World, requester: Person, provider: Person, rival: Person
) -> None:
    val = Person("val", Role.VERIFIER)
    ann, bob, eve, vic = [await world.grant(person) for person in (requester, provider, rival, val)]
    data, before, after = [
        await who.blobs.put(text) for who, text in ((ann, b"data"), (bob, b"before"), (bob, b"after"))
    ]
    lease = granted(provider.id, requester.id, 1)
    spec = lease.spec.model_copy(update={"inputs": (data,)})
    mine = {"audit_id": derive_id("a", 1), "verifier": val.id}
    audit = AuditAssigned(**mine, spec=spec, segment=1, checkpoint=before, nonce="1" * 64, fee=1, deadline_ms=2**50)
    await world.says("matching", lease.model_copy(update={"spec": spec}))
    await world.says("verification", audit)

    async def can_read(door: Door, digest: str) -> bool:
        try:
            return bool(await door.blobs.get(digest))
        except Refused as refusal:
            assert refusal.code == "blob.missing"
            return False

    await until(lambda: can_read(bob, data))
    await until(lambda: can_read(vic, before))
    assert await can_read(vic, data)
    assert not await can_read(vic, after)
    assert not any([await can_read(eve, digest) for digest in (data, before, after)])

    seal = AuditSealed(**mine, seal="2" * 64)
    await vic.tell(val.sign(seal, now_ms()))
    stranger = Person("sly", Role.VERIFIER)
    sly = await world.grant(stranger)
    with pytest.raises(Refused, match=r"audit\.unknown"):
        await sly.tell(stranger.sign(seal.model_copy(update={"verifier": stranger.id}), now_ms()))
    await world.says("verification", AuditLapsed(**mine, code="audit.late"))

    async def is_over() -> bool:
        try:
            await vic.tell(val.sign(seal, now_ms()))
        except Refused as refusal:
            return refusal.code == "audit.over"
        return False

    await until(is_over)


async def test_a_share_of_a_beacon_is_committed_when_called_and_revealed_when_told_by_its_verifier_alone(
    world: World,
) -> None:
    val, stranger = Person("val", Role.VERIFIER), Person("sly", Role.VERIFIER)
    vic, sly = await world.grant(val), await world.grant(stranger)
    fact = beacon_fact(derive_id("x", 1), val.id)
    block = {"block": 7, "block_hash": "7" * 64}
    bound = BeaconCommitted(**fact, commit="1" * 64)
    reveal = BeaconRevealed(**fact, **block, value="2" * 64, salt="3" * 64)

    async def code_of(door: Door, person: Person, event: Event) -> str:
        try:
            await door.tell(person.sign(event, now_ms()))
        except Refused as refusal:
            return refusal.code
        return ""

    async def until_code(event: Event, code: str) -> None:
        async def is_so() -> bool:
            return await code_of(vic, val, event) == code

        await until(is_so)

    assert await code_of(vic, val, bound) == "beacon.unknown"
    await world.says("verification", BeaconCalled(**fact))
    await until_code(reveal, "beacon.over")
    assert await code_of(sly, stranger, bound.model_copy(update={"verifier": stranger.id})) == "beacon.unknown"
    assert await code_of(vic, val, bound.model_copy(update={"epoch_id": derive_id("x", 2)})) == "beacon.unknown"
    await until_code(bound, "")
    await world.says("verification", BeaconOpened(**fact, **block))
    await until_code(reveal, "")
    assert await code_of(vic, val, bound) == "beacon.over"
    late = BeaconExcused(**fact, value="2" * 64, salt="3" * 64)
    assert await code_of(vic, val, late) == "beacon.over"
    await world.says("verification", BeaconMissed(**fact, code="beacon.unrevealed"))
    await until_code(late, "")
    assert await code_of(sly, stranger, late.model_copy(update={"verifier": stranger.id})) == "beacon.unknown"


async def test_a_challenge_is_answered_by_whom_it_called_once_and_in_time(world: World) -> None:
    prov, stranger = Person("prov", Role.PROVIDER), Person("strange", Role.PROVIDER)
    door, other = await world.grant(prov), await world.grant(stranger)

    async def code_of(way: Door, person: Person, challenge_id: str) -> str:
        parts = (Part(rounds=1, marks="f00d" * 64),)
        answer = ChallengeAnswered(challenge_id=challenge_id, provider=person.id, parts=parts)
        try:
            await way.tell(person.sign(answer, now_ms()))
        except Refused as refusal:
            return refusal.code
        return ""

    async def until_code(challenge_id: str, code: str) -> None:
        async def is_so() -> bool:
            return await code_of(door, prov, challenge_id) == code

        await until(is_so)

    def called(number: int, due_ms: int) -> ChallengeCalled:
        fields = {"block": 7, "block_hash": "7" * 64, "nonce": "8" * 64, "window_ms": 1_000}
        return ChallengeCalled(challenge_id=derive_id("h", number), provider=prov.id, **fields, due_ms=due_ms)

    timely, late = called(1, now_ms() + 600_000), called(2, now_ms() - 1)
    assert await code_of(door, prov, timely.challenge_id) == "challenge.unknown"
    await world.says("verification", timely)
    await world.says("verification", late)
    await until_code(late.challenge_id, "challenge.over")
    assert await code_of(other, stranger, timely.challenge_id) == "challenge.unknown"
    await until_code(timely.challenge_id, "")
    await until_code(timely.challenge_id, "challenge.over")


async def test_a_trace_is_opened_by_the_epochs_provider_alone_between_draw_and_opening(
    world: World, provider: Person
) -> None:
    stranger = Person("sly", Role.PROVIDER)
    door, sly = await world.grant(provider), await world.grant(stranger)
    fact = {"epoch_id": epoch_id_of(provider.id, 1), "provider": provider.id, "number": 1}
    place = {"lease_id": derive_id("l", 1), "segment": 0}
    traced = EpochTraced(**fact, **place, root="1" * 64, trace=await door.blobs.put(b"a trace"))

    async def code_of(at: Door, person: Person, event: Event) -> str:
        try:
            await at.tell(person.sign(event, now_ms()))
        except Refused as refusal:
            return refusal.code
        return ""

    async def until_code(code: str) -> None:
        async def is_so() -> bool:
            return await code_of(door, provider, traced) == code

        await until(is_so)

    assert await code_of(door, provider, traced) == "epoch.unknown"
    digests = {"root": "3" * 64, "beacon": "4" * 64, "seed": "5" * 64}
    entry = {"job_id": derive_id("j", 1), "fence": 1, "first_segment": 0, "segments": 1, "root": "3" * 64, "units": 1}
    pooled = EpochEntry(lease_id=place["lease_id"], **entry)
    settled = {"root": "3" * 64, "block": 1, "tx": "0x" + "a" * 64, "gas": 1}
    committed = EpochCommitted(**fact, previous="0" * 64, root="3" * 64, units=1, segments=1, entries=(pooled,))
    await world.says("verification", committed)
    await world.says("settlement", EpochAnchored(**fact, **settled))
    await world.says("verification", EpochDrawn(**fact, **digests, block=3, drawn=(DrawnSegment(**place),)))
    await until_code("")
    assert await code_of(sly, stranger, traced.model_copy(update={"provider": stranger.id})) == "epoch.unknown"
    await world.says("verification", EpochOpened(**fact, block=5, block_hash="6" * 64))
    await until_code("epoch.over")


async def test_verifiers_are_shown_with_what_stands_behind_them(world: World, requester: Person) -> None:
    ann, val = await world.grant(requester), Person("val", Role.VERIFIER)
    door = await world.grant(val)
    said = VerifierAnnounced(
        verifier=val.id,
        kinds=("noop",),
        memory_bytes=1,
        machine="1" * 64,
        region="de",
        network="home",
        expires_ms=now_ms() + 60_000,
    )

    def shown(state: str, bond: int) -> Callable[[], Awaitable[bool]]:
        async def look() -> bool:
            found = (await ann.ask("network", {}))["verifiers"]
            return [(v["verifier"], v["state"], v["bond"]) for v in found] == [(val.id, state, bond)]

        return look

    await door.tell(val.sign(said, now_ms()))
    await until(shown("unbonded", 0))
    bonded = StakeChanged(provider=f"p{val.id[1:]}", amount=BOND_PER_VERIFIER, block=2, turn=2)
    await world.says("settlement", bonded)
    await until(shown("unbonded", BOND_PER_VERIFIER))
    await world.says("settlement", bonded.model_copy(update={"claim": 1, "needed": BOND_PER_VERIFIER}))
    await until(shown("announced", BOND_PER_VERIFIER))
    spec = JobSpec(kind="noop", params={"segments": 3}, segments=3, segment_units=1)
    for memory_bytes, kind, counted in (
        (0, "noop", (0, 0)),
        (1, "noop", (1, 1)),
        (2, "noop", (0, 1)),
        (2, "x", (0, 0)),
    ):
        needs = {"kind": kind, "requirements": Requirements(memory_bytes=memory_bytes)}
        assert await able_of(world, spec.model_copy(update=needs)) == counted
    reaching = {"params": {"egress": ["a"]}, "requirements": Requirements(memory_bytes=1)}
    assert await able_of(world, spec.model_copy(update=reaching)) == (0, 0)
    much = spec.model_copy(update={"requirements": Requirements(memory_bytes=2)})
    with pytest.raises(Refused, match="0 of 1 verifiers") as refusal:
        order = requester.order(derive_id("j", 1), now_ms() + 60_000, much)
        await ann.tell(requester.sign(order, now_ms()))
    assert refusal.value.code == "job.unverifiable"
    await world.says("settlement", StakeChanged(provider=f"p{val.id[1:]}", amount=1, block=3, turn=1))
    await door.tell(val.sign(VerifierWithdrawn(verifier=val.id), now_ms()))
    await until(shown("withdrawn", BOND_PER_VERIFIER))
    assert await able_of(world, much) == (0, 0)


async def able_of(world: World, spec: JobSpec) -> tuple[int, int]:
    """How many verifiers can check a job, of how many."""
    store = await Store.connect(world.dsn, "gateway")
    try:
        async with store.transaction() as tx:
            return await Verifiers(tx).able(spec, now_ms())
    finally:
        await store.close()


async def test_an_observer_reads_receipts_and_no_job_data(world: World, requester: Person) -> None:
    ann, owl = await world.grant(requester), await world.grant(Person("owl", Role.OBSERVER))
    data, receipt = await ann.blobs.put(b"private"), await world.core.blobs.put(b"a receipt")
    job = requester.sign(requester.order(derive_id("j", 1), now_ms() + 60_000), now_ms())
    await ann.tell(job)
    await world.reached_core(job)
    mine = {"job_id": job.event.about, "requester": requester.id}
    await world.says("settlement", JobFunded(**mine, amount=100))
    await world.says("matching", JobExpired(**mine))
    await world.says("settlement", JobRefunded(**mine, refunded=100, receipt=receipt))

    async def may_read() -> bool:
        try:
            return await owl.blobs.get(receipt) == b"a receipt"
        except Refused as refusal:
            assert refusal.code == "access.denied"
            return False

    await until(may_read)
    with pytest.raises(Refused, match=r"access\.denied"):
        await owl.blobs.get(data)
    assert (await owl.ask("job", {"job_id": job.event.about}))["receipt"] == receipt


async def test_the_entries_of_a_great_epoch_are_for_everybody_and_its_jobs_show_it(
    world: World, requester: Person, provider: Person
) -> None:
    ann, owl = await world.grant(requester), await world.grant(Person("owl", Role.OBSERVER))
    job = requester.sign(requester.order(derive_id("j", 1), now_ms() + 60_000), now_ms())
    await ann.tell(job)
    await world.reached_core(job)
    entry = {"fence": 1, "first_segment": 0, "segments": 1, "root": "3" * 64, "units": 1}
    pool = Pool((EpochEntry(lease_id=derive_id("l", 1), job_id=job.event.about, **entry),))
    blob = write_entries(pool.entries)
    fact = {"epoch_id": epoch_id_of(provider.id, 1), "provider": provider.id, "number": 1}
    sums = {"root": pool.tree.root.root, "units": 1, "segments": 1, "size": 1}
    pooled = EpochPooled(**fact, **sums, previous="0" * 64, entries=await world.core.blobs.put(blob))
    places = await world.core.blobs.put(b"[]")
    await world.says("verification", pooled)
    digests = {"root": pooled.root, "beacon": "4" * 64, "seed": "5" * 64}
    place = DrawnSegment(lease_id=derive_id("l", 1), segment=0)
    await world.says("settlement", EpochAnchored(**fact, root=pooled.root, block=1, tx="0x" + "a" * 64, gas=1))
    await world.says("verification", EpochDrawn(**fact, **digests, block=3, drawn=(place,), places=places))

    async def may_read() -> bool:
        try:
            return [await owl.blobs.get(digest) for digest in (pooled.entries, places)] == [blob, b"[]"]
        except Refused as refusal:
            assert refusal.code == "access.denied"
            return False

    await until(may_read)
    (shown,) = (await ann.ask("job", {"job_id": job.event.about}))["epochs"]
    assert (shown["state"], shown["segments"], shown["drawn"]) == ("drawn", 1, 1)


async def test_a_requester_sees_that_the_epoch_of_its_provider_stays_open_until_it_closes(
    world: World, requester: Person, provider: Person
) -> None:
    ann, lease = await world.grant(requester), granted(provider.id, requester.id, 1)
    job = requester.sign(requester.order(lease.job_id, now_ms() + 60_000), now_ms())
    await ann.tell(job)
    await world.reached_core(job)
    fact = {"epoch_id": epoch_id_of(provider.id, 1), "provider": provider.id, "number": 1}
    held = {"reasons": {"needed": 9_683, "segments": 1}, "closes_ms": 1_800_000_000_000}
    await world.says("settlement", JobFunded(job_id=lease.job_id, requester=requester.id, amount=100))
    await world.says("matching", lease, matched(lease))
    await world.says("verification", EpochWaiting(**fact, code="epoch.pooling", **held))

    async def shown() -> list[dict[str, Any]]:
        with bearing_haste():
            return list((await ann.ask("job", {"job_id": lease.job_id}))["epochs"])
        return []

    (view,) = await until(shown)
    assert (view["state"], view["closes_ms"], view["needed"]) == (None, 1_800_000_000_000, 9_683)
    digest, other = "3" * 64, {"lease_id": derive_id("l", 9), "job_id": derive_id("j", 9)}
    entry = EpochEntry(**other, fence=1, first_segment=0, segments=1, root=digest, units=1)
    closed = EpochCommitted(**fact, previous="0" * 64, root=digest, units=1, segments=1, entries=(entry,))
    await world.says("verification", closed)

    async def is_gone() -> bool:
        return not await shown()

    await until(is_gone)


async def test_what_an_accusation_and_its_appeal_rest_on_is_for_everybody_and_nothing_else(
    world: World, provider: Person, requester: Person
) -> None:
    """Who is accused makes its own upload readable, and nobody else's by naming its digest."""
    bob, ann = await world.grant(provider), await world.grant(requester)
    owl = await world.grant(Person("owl", Role.OBSERVER))
    statement, receipt = await world.core.blobs.put(b"rejected"), await world.core.blobs.put(b"of the operator")
    brought, private = await bob.blobs.put(b"my trace"), await ann.blobs.put(b"private")
    for number, (said, appeal) in enumerate(((private, private), (statement, receipt), (statement, brought))):
        word = f"{number:064x}"
        names = {"slash_id": derive_id("s", number), "accusation": word, "tx": "0x" + word, "block": 1}
        what = {"accused": provider.key.address.lower(), "reason": "invalid_result", "offence": word}
        sums = {"own": 1, "backing": 0, "appeal_until_s": 1}
        await world.says("settlement", SlashProposed(**names, **what, **sums, evidence=said))
        await world.says("settlement", SlashAppealed(**names, evidence=appeal, bond=1, rule_until_s=2))

    async def read(digest: str) -> bytes | None:
        try:
            return await owl.blobs.get(digest)
        except Refused as refusal:
            assert refusal.code == "access.denied"
            return None

    assert await until(lambda: read(brought)) == b"my trace" and await read(statement) == b"rejected"
    assert [await read(digest) for digest in (private, receipt)] == [None, None]


async def test_the_network_and_plans_are_shown_and_unknown_questions_refused(
    world: World, requester: Person, provider: Person
) -> None:
    ann = await world.grant(requester)
    listed = OfferListed(
        offer_id=derive_id("f", 1),
        provider=provider.id,
        sequence=1,
        kinds=("noop",),
        capacity=Capacity(slots=4, memory_bytes=2**33),
        region="de",
        mega_unit_price=5,
        expires_ms=now_ms() + 60_000,
        reputation=900_000,
        stake=10**20,
        attestation=ReportFinding(technology="tdx", report="e" * 64, machine="c" * 64, code="attestation.untrusted"),
    )
    await world.says("discovery", listed)

    async def is_shown() -> Any:
        return (await ann.ask("network", {}))["providers"]

    (row,) = await until(is_shown)
    assert {name: row[name] for name in ("provider", "state", "region", "slots", "price", "reputation")} == {
        "provider": provider.id,
        "state": "listed",
        "region": "de",
        "slots": 4,
        "price": 5,
        "reputation": 900_000,
    }
    assert (row["attestation"]["report"], row["attestation"]["code"]) == ("e" * 64, "attestation.untrusted")
    plan = await ann.ask("plan", {"kind": "noop", "params": {"segments": 3, "units_per_segment": 7}})
    assert (plan["segments"], plan["segment_units"], plan["inputs"]) == (3, 7, [])
    for question, body, code in (
        ("plan", {"kind": "alchemy"}, "job.unknown_kind"),
        ("secrets", {}, "question.unknown"),
        ("replay", {"after": -1}, "event.malformed"),
        ("replay", {"entity": "job.%"}, "event.malformed"),
        ("job", {"job_id": "' or 1=1"}, "event.malformed"),
        ("blob", {"digest": "../etc"}, "event.malformed"),
    ):
        with pytest.raises(Refused) as caught:
            await ann.ask(question, body)
        assert caught.value.code == code, question


async def test_settlement_is_asked_about_ones_own_money_alone(
    world: World, requester: Person, provider: Person, rival: Person
) -> None:
    bob, owl = await world.grant(provider), await world.grant(Person("owl", Role.OBSERVER))

    async def say_who(message: Message) -> bytes:
        return message.data

    questions = ("balances", "leaf", "relay")
    serving = [await world.core.serve(f"assay.ask.settlement.{question}", say_who) for question in questions]
    for question in ("balances", "leaf"):
        assert await bob.ask(question, {"of": rival.id}) == {"of": provider.id}
        with pytest.raises(Refused, match=r"access\.denied"):
            await owl.ask(question, {})
    # Only a requester has something relayed, and in its own name.
    ann = await world.grant(requester)
    asked = {"of": provider.id, "what": "stay"}
    assert await ann.ask("relay", asked) == {"of": requester.id, "relay": asked}
    with pytest.raises(Refused, match=r"access\.denied"):
        await bob.ask("relay", asked)
    for each in serving:
        await each.close()


async def test_what_is_let_in_can_be_read_by_the_services_that_consume_it(world: World, requester: Person) -> None:
    ann = await world.grant(requester)
    said = requester.sign(requester.order(derive_id("j", 1), now_ms() + 60_000), now_ms())
    await ann.tell(said)
    consumer = await world.core.consumer("JOBS", "matching-jobs", [JobSubmitted.subjects()])
    messages = await until(lambda: consumer.fetch(wait_s=0.2))
    assert messages[0].subject == f"assay.job.submitted.{requester.id}.{said.event.about}"
    assert decode(messages[0].headers, messages[0].data).event == said.event
