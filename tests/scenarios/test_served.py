"""Served inference: two replicas behind one door, one of which is killed while its answer is read, paid by vouchers."""

import asyncio
import json
import signal
from contextlib import AsyncExitStack
from typing import Any

import pytest
from tests.network import MORTAL, PRICE, REGION, STEADY, Net

from assay.client.serving import keeping as keeping_module
from assay.client.serving.fleet import Fleet
from assay.client.serving.http import Http
from assay.client.serving.keeping import Terms
from assay.client.serving.server import keeping, listening
from assay.schema.audit import AuditUpheld
from assay.schema.lease import LeaseCommitted, LeaseGranted
from assay.schema.values import cost_of

pytestmark = pytest.mark.server

KEY = "sk-test"
TOKENS = 96
SEGMENTS = 4
STEP = 16
LOADED_S = 240.0
"""Within what providers and verifiers have loaded a model, on a busy machine."""


def net_of(tokens: int, mega_unit_price: int) -> int:
    """What a lease is paid for so many tokens, less the audit fee."""
    cost = cost_of(tokens, mega_unit_price)
    return cost - cost // 100


async def until_ready(fleet: Fleet) -> None:
    async with asyncio.timeout(LOADED_S):
        while not all(replica.is_ready for replica in fleet.replicas):
            await asyncio.sleep(0.05)


async def ask(port: int, **more: Any) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A question to the door, and where its answer comes."""
    said = {"model": "tiny", "messages": [{"role": "user", "content": "go on"}], "seed": 5, "temperature": 1.5}
    body = json.dumps({**said, "max_tokens": TOKENS, **more}).encode()
    head = f"POST /v1/chat/completions HTTP/1.0\r\nauthorization: Bearer {KEY}\r\ncontent-length: {len(body)}\r\n\r\n"
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(head.encode() + body)
    return reader, writer


async def whole_answer(port: int) -> str:
    async with asyncio.timeout(LOADED_S):
        reader, writer = await ask(port)
        body = (await reader.read()).partition(b"\r\n\r\n")[2]
    writer.close()
    return str(json.loads(body)["choices"][0]["message"]["content"])


async def test_a_stream_whose_provider_is_killed_goes_on_to_the_very_same_end_and_each_is_paid_its_tokens(
    net: Net, tiny_model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeping_module, "COMPARE_S", 0.5)
    await net.revive(MORTAL)
    params = {"model": tiny_model, "segments": SEGMENTS, "segment_requests": 1, "max_tokens": TOKENS}
    params |= {"prompt_tokens_max": 24, "batch": 1, "threads": 1, "step_tokens": STEP}
    terms = Terms(params, SEGMENTS * TOKENS * PRICE // 1_000_000, 600)
    async with AsyncExitStack() as stack:
        places = (REGION[MORTAL], REGION[STEADY])
        url = net.devnet.profile("requester").nats_url
        fleet = await stack.enter_async_context(keeping(net.assay, url, terms, 2, places))
        port = await stack.enter_async_context(listening(Http(fleet, "tiny", TOKENS, [KEY]), "127.0.0.1", 0))
        await until_ready(fleet)
        payers = [replica.payer for replica in fleet.replicas if replica.payer]
        expected = await whole_answer(port)
        reader, writer = await ask(port, stream=True)
        text, events = "", 0
        async with asyncio.timeout(LOADED_S):
            async for line in reader:
                if line.startswith(b"data: {"):
                    (choice,) = json.loads(line.removeprefix(b"data: "))["choices"]
                    text, events = text + choice["delta"].get("content", ""), events + 1
                if events == 8 and fleet.replicas[0].flights:
                    net.devnet.supervisor.kill(MORTAL, signal.SIGKILL)
        writer.close()
        assert net.devnet.status()[MORTAL].state != "running"
        received = {payer.purse.stream.lease_id: payer.purse.received for payer in payers}
        # It hands in what its journal holds.
        await net.revive(MORTAL)
        jobs = [
            await net.until_said(job.job_id, "lease.committed") for job in await net.assay.jobs() if job.kind == "serve"
        ]
        async with asyncio.timeout(LOADED_S):
            # All that was said and is committed to was found to be so.
            while any(payer.words.heard for payer in payers if payer is fleet.replicas[1].payer):
                await asyncio.sleep(0.1)
        assert fleet.avoided == set()
    assert text == expected
    commits: list[Any] = [said.event for said in (said for of_job in jobs for said in of_job)]
    assert {net.name_of(each.provider) for each in commits if isinstance(each, LeaseCommitted)} == {MORTAL, STEADY}
    granted = [said.event for said in net.chronicle.said if isinstance(said.event, LeaseGranted)]
    price = {each.lease_id: each.mega_unit_price for each in granted}
    for each in commits:
        (vouched,) = [lease for lease in (await net.ended(each.job_id, within_s=LOADED_S)).leases if lease.vouched]
        owed = received[vouched.lease_id]
        assert 0 < owed - STEP < vouched.vouched <= owed
        assert vouched.paid == net_of(vouched.vouched, price[vouched.lease_id])
    ends: list[Any] = [said.event for said in net.chronicle.said if isinstance(said.event, AuditUpheld)]
    assert {event.method for event in ends if event.lease_id in {each.lease_id for each in commits}} <= {"prefill"}
