"""The operator at the command line."""

import asyncio
import time
from pathlib import Path

import nats
import pytest
from nats.errors import Error as NatsError
from tests.e2e.command import Ran, assay
from tests.integration.observing import until
from tests.network import REGION, STEADY, Net
from tests.resting import check_at_rest

from assay.bus.port import Message
from assay.proof.statement import sign_event
from assay.runtime.dead import Letter
from assay.schema.job import JobWithdrawn
from assay.schema.values import derive_id
from assay.store import Store
from assay.store.dead import keep_letter

pytestmark = pytest.mark.server

NOWHERE = "aq"


async def test_events_that_are_laid_out_again_change_nothing(net: Net) -> None:
    job_id = await net.submit(2, REGION[STEADY])
    await net.ended(job_id)
    await net.until_said(job_id, "lease.paid")  # Of another stream, it may come after the job's end.
    before = [said.id for said in net.chronicle.of(job_id)]
    words = ("outbox", "republish", "matching", "--since", "2026-01-01", "--json")
    ran = await assay(*words, profile=net.devnet.places.data / "operator")
    assert (ran.code, ran.json["service"]) == (0, "matching") and ran.json["events"] > 0
    other = await net.submit(2, REGION[STEADY])
    await net.ended(other)
    assert [said.id for said in net.chronicle.of(job_id)] == before


async def test_a_participant_cannot_have_events_laid_out_again(net: Net) -> None:
    words = ("outbox", "republish", "matching", "--since", "2026-01-01", "--json")
    ran = await assay(*words, profile=net.party("requester").folder)
    assert (ran.code, ran.json["error"]) == (2, "profile.bad")


async def test_an_observer_is_let_in_and_shut_out(net: Net, tmp_path: Path) -> None:
    operator, creds = net.devnet.places.data / "operator", tmp_path / "observer.creds"
    granted = await assay("access", "grant", "observer", "--to", creds, "--json", profile=operator)
    assert granted.code == 0 and creds.stat().st_mode & 0o077 == 0
    url = net.devnet.servers.nats_url
    await (await nats.connect(url, user_credentials=str(creds))).close()
    revoked = await assay("access", "revoke", granted.json["account"], "--json", profile=operator)
    assert revoked.code == 0
    with pytest.raises(NatsError):
        await nats.connect(url, user_credentials=str(creds), allow_reconnect=False)


async def test_a_dead_letter_is_listed_shown_and_replayed_once(net: Net) -> None:
    since = len(net.chronicle.said)
    job_id = await net.submit(1, NOWHERE)
    await net.until_said(job_id, "job.waiting")
    letter = await withdrawal_that_died(net, job_id)
    listed, shown = await asyncio.gather(dead(net, "list"), dead(net, "show", letter))
    assert [(row["event_id"], row["code"], row["replayed_at"]) for row in listed.json] == [(letter, "bug", None)]
    assert job_id in shown.json["data"] and shown.json["headers"]["ce-type"] == "assay.job.withdrawn"
    replayed = await dead(net, "replay", letter)
    assert (replayed.code, replayed.json["handled"]) == (0, ["job.withdrawn"])
    assert (await net.ended(job_id)).state == "refunded" and "job.cancelled matching" in net.story(job_id)
    again, left = await asyncio.gather(dead(net, "replay", letter), dead(net, "list"))
    assert (again.code, again.json["error"], left.json) == (1, "event.unknown", [])
    await check_at_rest(net, since)


async def test_a_dead_letter_whose_cause_is_still_there_stays(net: Net) -> None:
    event_id = derive_id("e", "an event that a mistaken service published")
    creds = net.devnet.places.service("settlement") / "nats.creds"
    bus = await nats.connect(net.devnet.servers.nats_url, user_credentials=str(creds))
    headers = {"ce-id": event_id, "ce-type": "assay.job.funded", "ce-source": "settlement"}
    await bus.publish(f"assay.job.funded.settlement.{derive_id('j', 'none')}", b"no event", headers=headers)
    await bus.close()

    async def is_dead() -> bool:
        return event_id in [row["event_id"] for row in (await dead(net, "list")).json]

    await until(is_dead, "the letter")
    replayed = await dead(net, "replay", event_id)
    assert (replayed.code, replayed.json["error"]) == (1, "event.malformed") and await is_dead()


async def dead(net: Net, *words: str) -> Ran:
    """What `assay dead` says of matching to the operator."""
    verb, *rest = words
    return await assay("dead", verb, "matching", *rest, "--json", profile=net.devnet.places.data / "operator")


async def withdrawal_that_died(net: Net, job_id: str) -> str:
    """The id of a requester's withdrawal that all have heard but matching, which has it among its dead letters."""
    requester, assay = net.party("requester"), net.assay
    event = JobWithdrawn(job_id=job_id, requester=requester.id)
    said = sign_event(requester.key, assay.domain, event, requester.id, time.time_ns() // 1_000_000)
    store = await Store.connect((net.devnet.places.service("matching") / "postgres.dsn").read_text(), "matching")
    async with store.transaction() as tx:
        await tx.take([said.id])
        message = Message(said.subject, said.headers(), said.data, deliveries=20)
        await keep_letter(tx, Letter(said.id, event.type, "bug", "ValueError: mended since"), message)
    await store.close()
    await assay.door.tell(said)
    await net.until_said(job_id, "job.withdrawn")
    return said.id
