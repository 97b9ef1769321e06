"""Who may say and hear what: the tables, and what a real server makes of them."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from assay.bus import Bus, JetStreamBus, Record, connect
from assay.bus.accounts import Network
from assay.bus.api import call
from assay.bus.permissions import permissions_of, public_subjects
from assay.bus.streams import LANE_STREAMS
from assay.bus.subjects import fits
from assay.schema import REGISTRY
from assay.schema.errors import Mismatch
from assay.schema.job import JobExecuted, JobFunded, JobMatched, JobSubmitted
from assay.schema.streams import STREAMS, durable_of
from assay.schema.values import PARTICIPANTS, Role

SERVICES = [Role.GATEWAY, Role.DISCOVERY, Role.MATCHING, Role.VERIFICATION, Role.SETTLEMENT]
# Half of `max_control_line`; CONNECT carries some 350 bytes besides the user's claim.
CLAIM_BYTES_MAX = 8_000
WITHIN_S = 60.0

As = Callable[[Role], Awaitable[JetStreamBus]]


def said_by(role: Role) -> set[type]:
    return {event for event in REGISTRY.values() if event.by is role}


def may(subject: str, allowed: tuple[str, ...]) -> bool:
    return any(fits(filter_, subject) for filter_ in allowed)


@pytest.mark.parametrize("role", SERVICES)
def test_a_service_speaks_under_its_own_name_alone(role: Role) -> None:
    allowed = permissions_of(role, REGISTRY.values(), said_by(role)).publish
    for event in REGISTRY.values():
        assert may(event.subjects(role, "x1"), allowed) == (event.by is role or is_relayed(event, role))
        assert may(event.subjects("p1", "x1"), allowed) == is_relayed(event, role)


def is_relayed(event: Any, role: Role) -> bool:
    return role is Role.GATEWAY and event.by in PARTICIPANTS


@pytest.mark.parametrize("role", SERVICES)
def test_nobody_may_delete_events_or_read_anothers_durable(role: Role) -> None:
    allowed = permissions_of(role, REGISTRY.values(), said_by(role)).publish
    other = Role.MATCHING if role is not Role.MATCHING else Role.SETTLEMENT
    for stream in [*(stream.name for stream in STREAMS), *LANE_STREAMS]:
        for verb in ("DELETE", "MSG.DELETE", "SNAPSHOT", "RESTORE"):
            assert not may(f"$JS.API.STREAM.{verb}.{stream}", allowed)
        lets_go = role is Role.GATEWAY and stream in LANE_STREAMS
        assert may(f"$JS.API.STREAM.PURGE.{stream}", allowed) == lets_go
        assert may(f"$JS.API.STREAM.UPDATE.{stream}", allowed) == (role is Role.GATEWAY)
        for verb in ("CREATE", "DELETE", "MSG.NEXT", "PAUSE"):
            assert not may(f"$JS.API.CONSUMER.{verb}.{stream}.{durable_of(other, stream)}", allowed)
        assert not may(f"$JS.ACK.{stream}.{durable_of(other, stream)}.1.1.1.1.1", allowed)


@pytest.mark.parametrize("role", SERVICES)
def test_a_service_hears_no_stream_and_no_inbox_of_another(role: Role) -> None:
    allowed = permissions_of(role, REGISTRY.values(), said_by(role)).subscribe
    for event in REGISTRY.values():
        assert not may(event.subjects("p1", "x1"), allowed)
    assert not may("_INBOX.other.1", allowed)
    assert may("ingest.A1.beat", allowed) == (role is Role.GATEWAY)


@pytest.mark.parametrize("role", SERVICES)
def test_the_gateway_alone_hears_of_closed_lines_and_says_to_matching_whose_they_were(role: Role) -> None:
    allowed = permissions_of(role, REGISTRY.values(), said_by(role))
    assert may("lost.A1", allowed.subscribe) == may("assay.lost.p1", allowed.publish) == (role is Role.GATEWAY)
    assert may("assay.lost.p1", allowed.subscribe) == (role is Role.MATCHING)
    assert not may("lost.A1", allowed.publish)
    assert not may("$SYS.ACCOUNT.A1.DISCONNECT", (*allowed.publish, *allowed.subscribe))


def test_an_event_that_is_anothers_to_say_cannot_be_declared() -> None:
    with pytest.raises(ValueError, match=r"matching may not say job\.funded"):
        permissions_of(Role.MATCHING, [], [JobFunded])


def test_the_public_subjects_are_the_public_events_and_no_more() -> None:
    for event in REGISTRY.values():
        assert may(event.subjects("a1", "x1"), public_subjects()) == event.public
    for private in ("assay.dead.matching.job.submitted.e1", "assay.beat.p1", "assay.ask.matching.why", "ingest.A.x"):
        assert not may(private, public_subjects())


@pytest.mark.parametrize("role", SERVICES)
def test_a_services_credentials_fit_the_servers_line(role: Role, tmp_path: Any) -> None:
    allowed = permissions_of(role, REGISTRY.values(), said_by(role))
    network = Network.create(public_subjects())
    claim = network.service_creds(role, allowed.publish, allowed.subscribe).splitlines()[1]
    assert claim.startswith("ey")
    assert len(claim) < CLAIM_BYTES_MAX


@pytest.fixture
async def as_service(nats_server: Any, nats_network: Network, nats_bus: JetStreamBus) -> AsyncIterator[As]:
    """Opens buses as services with just their permissions, beside the test's own that may do everything."""
    opened: list[JetStreamBus] = []

    async def open_bus(role: Role) -> JetStreamBus:
        allowed = permissions_of(role, REGISTRY.values(), said_by(role))
        creds = nats_network.service_creds(role, allowed.publish, allowed.subscribe)
        opened.append(await connect(nats_server.url, nats_server.creds_file(role, creds), role))
        return opened[-1]

    yield open_bus
    for bus in opened:
        await bus.close()


@pytest.mark.server
async def test_a_service_can_do_its_work_with_its_permissions(nats_bus: Bus, as_service: As) -> None:
    gateway, matching = await as_service(Role.GATEWAY), await as_service(Role.MATCHING)
    for bus in (gateway, matching):
        await bus.ensure_streams(STREAMS)
    jobs = await matching.consumer("JOBS", "matching-jobs", [JobSubmitted.subjects(), JobFunded.subjects()])
    said = [Record(f"e{n}", JobSubmitted.subjects("r1", f"j{n}"), {}, b"%d" % n) for n in range(8)]
    await gateway.publish(said)
    messages = await jobs.fetch(wait_s=WITHIN_S)
    assert [message.data for message in messages] == [record.data for record in said]
    await jobs.nak(messages[0], 0.0)
    [again] = await jobs.fetch(wait_s=WITHIN_S)
    assert again.deliveries == 2
    await jobs.ack([again, *messages[1:]])
    await matching.publish([Record(f"m{n}", JobMatched.subjects("matching", f"j{n}"), {}, b"") for n in range(8)])
    await matching.publish([Record("d1", "assay.dead.matching.job.submitted.e1", {}, b"")])

    async def why(message: Any) -> bytes:
        return b"because"

    await matching.serve("assay.ask.matching.why", why, queue="matching")
    assert (await gateway.ask("assay.ask.matching.why", b"")).data == b"because"


@pytest.mark.server
@pytest.mark.parametrize("role", [Role.GATEWAY, Role.VERIFICATION, Role.SETTLEMENT])
async def test_who_needs_blobs_has_them(nats_bus: Bus, as_service: As, role: Role) -> None:
    bus = await as_service(role)
    digest = await bus.blobs.put(b"x" * 600_000)
    assert await bus.blobs.get(digest) == b"x" * 600_000
    assert await bus.blobs.missing("0" * 64, 600_000, "a1") == [0, 524_288]


@pytest.mark.server
async def test_what_a_service_may_not_say_is_refused_loudly(
    nats_bus: Bus, as_service: As, caplog: pytest.LogCaptureFixture
) -> None:
    matching = await as_service(Role.MATCHING)
    consumer = await nats_bus.consumer("JOBS", "test-jobs", ["assay.job.>"])
    await matching.say(JobExecuted.subjects("settlement", "j1"), b"")
    await matching.say(JobFunded.subjects("settlement", "j1"), b"")
    async with asyncio.timeout(WITHIN_S):
        while caplog.text.lower().count("permissions violation") < 2:
            await asyncio.wait_for(matching.nc.flush(), WITHIN_S)
    assert all(record.levelno == logging.ERROR for record in caplog.records if "violation" in record.message.lower())
    assert await consumer.fetch(wait_s=0.05) == []


@pytest.mark.server
async def test_a_service_cannot_change_a_stream(nats_bus: JetStreamBus, as_service: As) -> None:
    matching = await as_service(Role.MATCHING)
    found = (await call(nats_bus.nc, "STREAM.INFO.JOBS"))["config"]
    await call(nats_bus.nc, "STREAM.UPDATE.JOBS", {**found, "max_bytes": 2 * found["max_bytes"]})
    with pytest.raises(Mismatch, match="JOBS"):
        await matching.ensure_streams(STREAMS)
    assert (await call(nats_bus.nc, "STREAM.INFO.JOBS"))["config"]["max_bytes"] == 2 * found["max_bytes"]
    await (await as_service(Role.GATEWAY)).ensure_streams(STREAMS)
    assert (await call(nats_bus.nc, "STREAM.INFO.JOBS"))["config"] == found
