"""What only a real server shows: its settings, its refusals, and its crashes."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from faststream.nats import NatsBroker

from assay.bus import JetStreamBus, Record, connect
from assay.bus.accounts import Network, creds_text, new_seed, public_key, user_jwt
from assay.bus.api import call
from assay.bus.connection import choose_server, connection_options
from assay.bus.streams import GIB
from assay.devnet.folder import Folder
from assay.devnet.nats import Nats
from assay.schema.errors import Retry, Unreachable, Unsafe
from assay.schema.streams import STREAMS

pytestmark = pytest.mark.server
WITHIN_S = 60.0
NO_ANSWER_S = 0.2
JOBS = ["assay.job.>"]
ALWAYS, STRICT = "sync_interval: always", "strict: true"


class OtherNats(Nats):
    """A server with another setting in its jetstream block."""

    settings = (ALWAYS, ALWAYS)

    def conf(self, home: Path) -> str:
        return super().conf(home).replace(*self.settings)


@pytest.fixture
async def own_server(tmp_path: Path) -> AsyncIterator[OtherNats]:
    """A server that is not started yet, of this test's own."""
    server = OtherNats(Folder(tmp_path))
    yield server
    await server.stop()


async def connect_to(server: Nats) -> JetStreamBus:
    creds = server.creds_file("core", server.network.service_creds("test", [">"], [">"]))
    return await connect(server.url, creds, "test")


async def until(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(WITHIN_S):
        while not is_so():
            await asyncio.sleep(0.01)


async def test_the_streams_are_as_the_table_says(nats_bus: JetStreamBus) -> None:
    for stream in STREAMS:
        config = (await call(nats_bus.nc, f"STREAM.INFO.{stream.name}"))["config"]
        assert config["subjects"] == stream.subjects
        assert (config["storage"], config["discard"], config["retention"]) == ("file", "new", "limits")
        assert config["allow_atomic"] and config["deny_delete"] and config["deny_purge"]
        assert config["max_age"] == stream.max_age_s * 10**9
        assert config["max_bytes"] == GIB
    await nats_bus.ensure_streams(STREAMS)


async def test_a_durable_is_as_the_delivery_rules_say(nats_bus: JetStreamBus) -> None:
    await nats_bus.consumer("JOBS", "matching-jobs", ["assay.job.funded.*.*", "assay.job.expired.*.*"], 20)
    config = (await call(nats_bus.nc, "CONSUMER.INFO.JOBS.matching-jobs"))["config"]
    assert (config["deliver_policy"], config["ack_policy"]) == ("all", "explicit")
    assert (config["max_ack_pending"], config["ack_wait"], config["max_deliver"]) == (1024, 20 * 10**9, 1_000_000)
    assert config["filter_subjects"] == ["assay.job.expired.*.*", "assay.job.funded.*.*"]


async def test_a_batch_with_one_record_that_is_refused_is_not_taken_in_part(
    nats_bus: JetStreamBus, records: Callable[..., list[Record]]
) -> None:
    large = Record("elarge", "assay.job.submitted.r1.jlarge", {}, bytes(200_000))
    with pytest.raises(Retry):
        await nats_bus.publish([*records(6), large])
    assert (await call(nats_bus.nc, "STREAM.INFO.JOBS"))["state"]["messages"] == 0


async def test_who_leaves_as_the_line_breaks_ends_by_no_fault(nats_core: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    bus = await connect(nats_core.url, nats_core.creds_file, "test")
    close = bus.nc.close

    async def breaks() -> None:
        await close()
        raise ConnectionResetError("Connection lost")

    monkeypatch.setattr(bus.nc, "close", breaks)
    await bus.close()
    assert not bus.is_connected


async def test_a_full_stream_refuses_by_name_and_takes_what_waited_once_it_may_hold_more(
    nats_bus: JetStreamBus, records: Callable[..., list[Record]]
) -> None:
    small = JetStreamBus(nats_bus.nc, stream_bytes=8_192)
    await small.ensure_streams(STREAMS)
    await nats_bus.publish(records(2))
    with pytest.raises(Retry, match=r"bus\.full"):
        for last in range(3, 200):
            await nats_bus.publish(records(last, last))
    held = (await call(nats_bus.nc, "STREAM.INFO.JOBS"))["state"]["messages"]
    assert (await nats_bus.fullness(["JOBS", "OFFERS"]))["JOBS"] > 0.8
    await nats_bus.ensure_streams(STREAMS)
    await nats_bus.publish(records(200))
    assert (await call(nats_bus.nc, "STREAM.INFO.JOBS"))["state"]["messages"] == 200 > held
    assert (await nats_bus.fullness(["JOBS", "OFFERS"]))["OFFERS"] == 0.0


@pytest.fixture(params=["asked", "monitored"])
async def tells(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Callable[[Nats], Awaitable[JetStreamBus]]:
    """Connects in such a way that the server tells its settings: as CORE, or by its monitoring address."""

    async def join(server: Nats) -> JetStreamBus:
        if request.param == "asked":
            return await connect_to(server)
        monkeypatch.setattr("assay.bus.safety.FIRST_ANSWER_S", NO_ANSWER_S)
        return await connect(server.url, participant_creds(server), "p1", monitoring_url=server.monitor_url)

    return join


def participant_creds(server: Nats) -> Path:
    """Credentials of an account that may not ask the server."""
    network, seed = server.network, new_seed("user")
    jwt = user_jwt(network.sys_seed, public_key(seed), "nobody", ["none"], ["_INBOX.>"])
    return server.creds_file("nobody", creds_text(jwt, seed))


async def test_a_safe_server_is_taken(own_server: OtherNats, tells: Callable[[Nats], Awaitable[JetStreamBus]]) -> None:
    await own_server.start()
    bus = await tells(own_server)
    await bus.check_safe()
    await bus.close()


@pytest.mark.parametrize("settings", [(ALWAYS, 'sync_interval: "1s"'), (STRICT, "strict: false")])
async def test_an_unsafe_server_is_refused(
    own_server: OtherNats, tells: Callable[[Nats], Awaitable[JetStreamBus]], settings: tuple[str, str]
) -> None:
    own_server.settings = settings
    await own_server.start()
    bus = await tells(own_server)
    with pytest.raises(Unsafe, match=settings[0].partition(":")[0]):
        await bus.check_safe()
    await bus.close()


@pytest.mark.parametrize("monitoring_url", [None, "http://127.0.0.1:1"])
async def test_a_server_that_does_not_tell_is_refused(
    own_server: OtherNats, monitoring_url: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("assay.bus.safety.FIRST_ANSWER_S", NO_ANSWER_S)
    await own_server.start()
    bus = await connect(own_server.url, participant_creds(own_server), "p1", monitoring_url=monitoring_url)
    with pytest.raises(Unsafe):
        await bus.check_safe()
    await bus.close()


async def test_a_crash_of_the_server_loses_nothing_and_is_survived(
    own_server: OtherNats, records: Callable[..., list[Record]]
) -> None:
    await own_server.start()
    bus = await connect_to(own_server)
    await bus.ensure_streams(STREAMS)
    consumer = await bus.consumer("JOBS", "matching-jobs", JOBS)
    await bus.publish(records(10))
    await consumer.ack(await consumer.fetch())
    await own_server.kill()
    await until(lambda: not bus.is_connected)
    with pytest.raises(Retry):
        await bus.publish(records(12, first=11))
    with pytest.raises(Retry):
        await bus.ask("assay.ask.matching.why", b"", timeout_s=0.2)
    assert await consumer.fetch(wait_s=0.05) == []
    await own_server.start()
    await until(lambda: bus.is_connected)
    await bus.publish(records(12))
    later = await bus.consumer("JOBS", "other-jobs", JOBS)
    assert [int(message.data) for message in await later.fetch(wait_s=WITHIN_S)] == list(range(1, 13))
    # An ack is not synced to the disk as a message is: some may come again, and none is left out.
    assert [int(message.data) for message in await consumer.fetch(wait_s=WITHIN_S)][-2:] == [11, 12]
    await bus.close()


async def test_a_closed_bus_says_so_to_every_call(own_server: OtherNats, records: Callable[..., list[Record]]) -> None:
    await own_server.start()
    bus = await connect_to(own_server)
    await bus.close()
    with pytest.raises(Unreachable):
        await bus.publish(records(1))
    with pytest.raises(Unreachable):
        await bus.publish(records(8))
    with pytest.raises(Unreachable):
        await bus.ask("assay.ask.matching.why", b"")
    with pytest.raises(Unreachable):
        await bus.say("assay.beat.p1", b"")
    await bus.close()


async def test_without_a_server_nothing_is_reached(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("assay.bus.connection.FIRST_CONTACT_S", 0.3)
    with pytest.raises(Unreachable, match="127"):
        await connect("nats://127.0.0.1:1")


async def test_the_bus_can_be_laid_upon_the_frames_connection(nats_server: Nats, nats_network: Network) -> None:
    creds = nats_server.creds_file("frame", nats_network.service_creds("test", [">"], [">"]))
    broker = NatsBroker(nats_server.url, **connection_options("test", creds))
    bus = JetStreamBus(await broker.connect())

    async def answer(message: object) -> bytes:
        return b"from the frame"

    await bus.serve("assay.ask.matching.why", answer)
    assert (await bus.ask("assay.ask.matching.why", b"")).data == b"from the frame"
    await broker.stop()


def test_a_lost_server_is_tried_again_after_a_wait_that_grows() -> None:
    from nats.aio.client import Server

    servers = [Server(uri=None, reconnects=tries) for tries in (0, 3, 100)]
    for server in servers:
        waits = [choose_server([server], {})[1] for _ in range(200)]
        assert max(waits) <= min(5.0, 0.25 * 2 ** min(server.reconnects, 8))
        assert server.reconnects or max(waits) <= 0.05
        assert len(set(waits)) > 100
