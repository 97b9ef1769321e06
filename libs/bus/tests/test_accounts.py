"""The walls between accounts, tried against the real server."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import nats
import pytest
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error, NoRespondersError

from assay.bus.accounts import (
    CLOSED,
    LOST,
    PARTICIPANT_LIMITS,
    AccountRefused,
    Grant,
    Import,
    Network,
    account_jwt,
    core_jwt,
    creds_text,
    new_seed,
    participant_imports,
    public_key,
    shared,
    user_jwt,
)
from assay.devnet.servers import Servers

pytestmark = pytest.mark.server
PUBLIC_FILTER = "assay.job.submitted.*.*"
PUBLIC = "assay.job.submitted.r1.j1"
CUT_OFF = "Authorization Violation|maximum account active connections"
WITHIN_S = 60.0


@dataclass
class Line:
    """A connection, with what the server said against it and what it has received."""

    client: Client
    errors: list[str]
    closed: asyncio.Event
    received: list[Msg] = field(default_factory=list)

    async def listen(self, subject: str, answer: bytes | None = None) -> None:
        async def take(message: Msg) -> None:
            self.received.append(message)
            if answer is not None:
                await message.respond(answer)

        await self.client.subscribe(subject, cb=take)
        await self.arrive()

    async def publish(self, subject: str, data: bytes = b"x", reply: str = "") -> None:
        await self.client.publish(subject, data, reply=reply)
        await self.arrive()

    async def arrive(self) -> None:
        """Return once the server has all that was sent: the client's first ping overtakes what is still buffered."""
        await self.client.flush()
        await self.client.flush()

    def subjects(self) -> list[str]:
        return [message.subject for message in self.received]


Connect = Callable[[str], Awaitable[Line]]
ConnectTo = Callable[[str, str], Awaitable[Line]]


async def until(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(WITHIN_S):
        while not is_so():
            await asyncio.sleep(0.01)


@pytest.fixture
async def connect_to(tmp_path: Path) -> AsyncIterator[ConnectTo]:
    """Opens lines to a server; what is still open after the test is closed."""
    opened: list[Client] = []

    async def open_line(url: str, creds: str) -> Line:
        errors: list[str] = []
        closed = asyncio.Event()

        async def on_error(error: Exception) -> None:
            errors.append(str(error))

        async def on_closed() -> None:
            closed.set()

        file = tmp_path / f"{len(opened)}.creds"
        file.write_text(creds)
        client = await nats.connect(
            url, user_credentials=str(file), error_cb=on_error, closed_cb=on_closed, allow_reconnect=False
        )
        opened.append(client)
        return Line(client, errors, closed)

    yield open_line
    for client in opened:
        await client.close()


@pytest.fixture
def connect(nats_server, connect_to: ConnectTo) -> Connect:
    """Opens lines to the session's server."""
    return partial(connect_to, nats_server.url)


@pytest.fixture
async def core(connect: Connect, nats_network: Network) -> Line:
    """A service in CORE that may do everything."""
    return await connect(nats_network.service_creds("gateway", [">"], [">"]))


@pytest.fixture
async def grant(nats_network: Network, nats_system: Client) -> Callable[..., Awaitable[Grant]]:
    async def new(role="provider", name="p1", **more) -> Grant:
        made = nats_network.grant(role, name, **more)
        await nats_network.push(nats_system, made.account_jwt)
        return made

    return new


@pytest.fixture
async def two(grant, connect: Connect) -> tuple[Grant, Line, Grant, Line]:
    """Two providers, each with its connection."""
    first, second = await grant(name="p1"), await grant(name="p2")
    return first, await connect(first.creds_text), second, await connect(second.creds_text)


async def test_a_participant_reaches_the_core_under_its_own_token_alone(core, two):
    first, line, second, other = two
    await core.listen("ingest.>", answer=b"taken")
    assert (await line.client.request("ingest.lease.committed.l91a", b"x", timeout=WITHIN_S)).data == b"taken"
    await line.publish(f"ingest.{second.account_public}.lease.committed.l91a")
    await other.client.request("ingest.offer.announced", b"x", timeout=WITHIN_S)
    assert core.subjects() == [
        f"ingest.{first.account_public}.lease.committed.l91a",
        f"ingest.{first.account_public}.{second.account_public}.lease.committed.l91a",
        f"ingest.{second.account_public}.offer.announced",
    ]


async def test_a_participant_may_ask_and_is_answered(core, two):
    first, line, _, _ = two
    await core.listen("ask.>", answer=b"42")
    assert (await line.client.request("ask.matching.price", timeout=WITHIN_S)).data == b"42"
    assert core.subjects() == [f"ask.{first.account_public}.matching.price"]


async def test_a_participant_cannot_publish_what_the_services_say(core, two):
    _, line, second, other = two
    await core.listen("assay.>")
    await other.listen(PUBLIC_FILTER)
    for subject in (PUBLIC, "cmd.feed", f"cmd.{second.account_public}.cancel", "$SYS.REQ.CLAIMS.UPDATE", "_INBOX.x"):
        await line.publish(subject)
    await until(lambda: len(line.errors) == 5)
    assert all("permissions violation for publish" in error for error in line.errors)
    await core.publish(PUBLIC, b"genuine")
    await until(lambda: bool(other.received))
    assert [m.data for m in core.received + other.received] == [b"genuine", b"genuine"]


async def test_a_command_reaches_its_participant_and_no_other(core, two):
    first, line, _, other = two
    await line.listen("cmd.>")
    await other.listen("cmd.>")
    await core.publish(f"cmd.{first.account_public}.cancel", b"now")
    await core.publish(PUBLIC)
    await until(lambda: bool(line.received))
    await other.arrive()
    assert line.subjects() == ["cmd.cancel"]
    assert other.received == []


async def test_what_is_not_its_own_cannot_be_subscribed(two):
    _, _, _, other = two
    for subject in (">", "ingest.>", "$SYS.>", "$JS.>"):
        await other.client.subscribe(subject)
    await other.arrive()
    await until(lambda: len(other.errors) == 4)
    assert all("permissions violation for subscription" in error.lower() for error in other.errors)


async def test_a_subscription_under_anothers_token_stays_silent(core, two):
    first, line, _, other = two
    await line.listen("cmd.>")
    await other.listen(f"cmd.{first.account_public}.>")
    await core.publish(f"cmd.{first.account_public}.cancel")
    await until(lambda: bool(line.received))
    await other.arrive()
    assert other.received == []


async def test_the_core_hears_whose_connection_was_closed_and_nobody_else_does(core, two):
    first, line, _, other = two
    await core.listen(LOST)
    for subject in ("$SYS.ACCOUNT.*.DISCONNECT", f"$SYS.ACCOUNT.{first.account_public}.DISCONNECT", LOST):
        await other.client.subscribe(subject)
    for subject in (f"$SYS.ACCOUNT.{first.account_public}.DISCONNECT", f"lost.{first.account_public}"):
        await other.publish(subject, b"forged")
    await until(lambda: len(other.errors) == 5)
    assert all("permissions violation" in error.lower() for error in other.errors)
    await line.client.close()
    await until(lambda: bool(core.received))
    [message] = core.received
    assert message.subject == f"lost.{first.account_public}"
    assert json.loads(message.data)["client"]["acc"] == first.account_public
    assert other.received == []


async def test_an_account_that_imports_closed_connections_by_a_claim_of_its_own_is_refused(
    two, nats_network, nats_system, connect: Connect
):
    spy = new_seed("account")
    heard = Import(public_key(nats_network.sys_seed), CLOSED, LOST.replace("*", "$1"), "stream")
    claim = account_jwt(spy, public_key(spy), "spy", (), (heard,), PARTICIPANT_LIMITS)
    with pytest.raises(AccountRefused, match="another operator"):
        await nats_network.push(nats_system, claim)
    with pytest.raises(Error, match="Authorization Violation"):
        await connect(creds_text(user_jwt(spy, public_key(user := new_seed("user")), "spy", [], [LOST]), user))


async def test_a_reply_subject_has_no_effect_outside_of_its_account(core, two):
    first, line, second, other = two
    stream = core.client.jetstream()
    await stream.add_stream(name="JOBS", subjects=["assay.job.>"])
    await core.listen("ingest.>", answer=b"forged")
    await core.listen("assay.>")
    await other.listen("cmd.>")
    await other.listen(PUBLIC_FILTER)
    for reply in (PUBLIC, f"cmd.{second.account_public}.cancel", "$JS.API.STREAM.PURGE.JOBS"):
        await line.publish("ingest.lease.committed.l1", reply=reply)
    await until(lambda: len(core.received) == 3)
    await core.arrive()
    await other.arrive()
    assert {s.split(".")[1] for s in core.subjects()} == {first.account_public}
    assert other.received == []
    assert (await stream.stream_info("JOBS")).state.messages == 0


async def test_an_account_that_imports_anothers_token_receives_nothing(
    core, two, nats_network, nats_system, connect: Connect
):
    first, line, _, _ = two
    imposter = public_key(new_seed("account"))
    stolen = Import(nats_network.core_public, f"cmd.{first.account_public}.>", "cmd.>", "stream")
    doors = participant_imports("observer", imposter, nats_network.core_public, ())
    issuer = [public_key(nats_network.issuer_seed)]
    claim = account_jwt(nats_network.signing_seed, imposter, "x", (), (*doors, stolen), PARTICIPANT_LIMITS, issuer)
    await nats_network.push(nats_system, claim)
    thief = await connect(nats_network.participant_creds("provider", imposter, "x"))
    await thief.listen("cmd.>")
    await line.listen("cmd.>")
    await core.publish(f"cmd.{first.account_public}.cancel")
    await until(lambda: bool(line.received))
    await thief.arrive()
    assert thief.received == []


async def test_nobody_gets_in_without_credentials(nats_server):
    async def silent(_: Exception) -> None: ...

    with pytest.raises(Error, match="Authorization Violation"):
        await nats.connect(nats_server.url, allow_reconnect=False, error_cb=silent)


async def test_an_account_of_another_operator_is_refused(tmp_path, nats_network, nats_system, connect: Connect):
    stranger = Network.open(tmp_path / "other", []).grant("provider", "p1")
    with pytest.raises(AccountRefused, match="another operator"):
        await nats_network.push(nats_system, stranger.account_jwt)
    await nats_system.request("$SYS.REQ.CLAIMS.UPDATE", stranger.account_jwt.encode(), timeout=WITHIN_S)
    with pytest.raises(Error, match="Authorization Violation"):
        await connect(stranger.creds_text)


async def test_a_claim_that_the_server_cannot_take_is_an_error(nats_network, nats_system):
    broken = account_jwt(nats_network.signing_seed, "no key at all", "p1")
    with pytest.raises(AccountRefused):
        await nats_network.push(nats_system, broken)


async def test_credentials_without_their_key_are_worthless(grant, connect: Connect):
    made = await grant()
    other = (await grant(name="p2")).creds_text
    stolen = made.creds_text.split("-----BEGIN USER")[0] + "-----BEGIN USER" + other.split("-----BEGIN USER")[1]
    with pytest.raises(Error, match="Authorization Violation"):
        await connect(stolen)


async def test_credentials_that_have_run_out_are_refused(grant, connect: Connect):
    made = await grant(expires_at=int(time.time()) - 60)
    with pytest.raises(Error, match="Authorization Violation"):
        await connect(made.creds_text)


async def test_an_observer_reads_public_events_and_can_do_nothing_else(core, grant, connect: Connect):
    seen = await grant("observer", "o1")
    observer = await connect(seen.creds_text)
    await core.listen("ask.>", answer=b"42")
    await observer.listen(PUBLIC_FILTER)
    await core.publish(PUBLIC, b"news")
    await until(lambda: bool(observer.received))
    assert (await observer.client.request("ask.gateway.stats", timeout=WITHIN_S)).data == b"42"
    for subject in ("ingest.lease.committed.l1", PUBLIC, "$JS.API.INFO"):
        await observer.publish(subject)
    await observer.client.subscribe("cmd.>")
    await observer.arrive()
    await until(lambda: len(observer.errors) == 4)
    assert core.subjects() == [f"ask.{seen.account_public}.gateway.stats"]


async def test_a_participant_has_no_jetstream(two):
    _, line, _, _ = two
    await line.publish("$JS.API.INFO")
    await until(lambda: bool(line.errors))


async def test_a_service_may_say_only_what_is_its_own(nats_network, core, connect: Connect):
    await core.listen("assay.>")
    may_say, may_hear = ["assay.lease.granted.>"], ["assay.job.>", "_INBOX.>"]
    matching = await connect(nats_network.service_creds("matching", may_say, may_hear))
    await matching.publish("assay.lease.granted.matching.l1")
    await matching.publish("assay.verdict.given.v1.l1")
    await until(lambda: bool(matching.errors))
    await core.arrive()
    assert core.subjects() == ["assay.lease.granted.matching.l1"]


async def test_a_service_answers_what_it_is_asked_and_no_more(nats_network, core, two, connect: Connect):
    _, line, _, _ = two
    gateway = await connect(nats_network.service_creds("gateway", [], ["ingest.>", "_INBOX.>"]))
    await gateway.listen("ingest.>", answer=b"taken")
    assert (await line.client.request("ingest.x", timeout=WITHIN_S)).data == b"taken"
    await gateway.publish("_INBOX.somebody")
    await until(lambda: bool(gateway.errors))


async def test_an_unknown_account_gets_in_once_it_was_pushed(nats_network, nats_system, connect: Connect):
    made = nats_network.grant("provider", "p9")
    with pytest.raises(Error, match="Authorization Violation"):
        await connect(made.creds_text)
    await nats_network.push(nats_system, made.account_jwt)
    line = await connect(made.creds_text)
    with pytest.raises(NoRespondersError):
        await line.client.request("ask.nobody.listens", timeout=WITHIN_S)


async def test_a_revoked_account_is_cut_off_and_stays_out(nats_network, nats_system, two, connect: Connect):
    first, line, _, other = two
    await nats_network.revoke(nats_system, first.account_public)
    await asyncio.wait_for(line.closed.wait(), WITHIN_S)
    for creds in (first.creds_text, nats_network.participant_creds("provider", first.account_public, "p1")):
        with pytest.raises(Error, match=CUT_OFF):
            await connect(creds)
    assert other.client.is_connected


async def test_a_pushed_account_and_a_revoked_one_outlive_a_restart(tmp_path, connect_to):
    async with Servers(tmp_path, only={"nats"}, public=[PUBLIC_FILTER]) as servers:
        system = await connect_to(servers.nats_url, servers.network.system_creds())
        kept, revoked = servers.network.grant("provider", "p1"), servers.network.grant("provider", "p2")
        for grant in (kept, revoked):
            await servers.network.push(system.client, grant.account_jwt)
        await servers.network.revoke(system.client, revoked.account_public)
        await servers.nats.kill()
        await servers.nats.start()
        with pytest.raises(Error, match=CUT_OFF):
            await connect_to(servers.nats_url, revoked.creds_text)
        assert (await connect_to(servers.nats_url, kept.creds_text)).client.is_connected


async def test_two_cores_on_one_server_do_not_hear_each_other(nats_network, nats_system, core, connect: Connect):
    seed = new_seed("account")
    own = core_jwt(nats_network.signing_seed, public_key(seed), nats_network.public, public_key(nats_network.sys_seed))
    second = replace(nats_network, core_seed=seed, core_jwt=own)
    await second.push(nats_system, second.core_jwt)
    there = await connect(second.service_creds("x", [">"], [">"]))
    await there.listen(">")
    await core.publish(PUBLIC)
    await there.arrive()
    assert there.received == []


def test_a_network_of_an_earlier_version_shares_what_this_one_does(tmp_path):
    before = Network.create([PUBLIC_FILTER])
    old = account_jwt(before.signing_seed, public_key(before.sys_seed), "SYS")
    replace(before, sys_jwt=old, core_jwt=account_jwt(before.signing_seed, before.core_public, "CORE")).save(tmp_path)
    opened = Network.open(tmp_path, [PUBLIC_FILTER])
    assert shared(opened.sys_jwt) == shared(before.sys_jwt)
    assert shared(opened.core_jwt) == shared(before.core_jwt)
    assert Network.open(tmp_path, [PUBLIC_FILTER]) == opened
