"""What must not come in: each is refused at the door with its typed code, its sender can see why, nothing changes."""

import json
import secrets
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any

import pytest
from tests.network import REGION, SECOND, STEADY, Net
from tests.resting import resting
from tests.scenarios.knocking import Claim, claim, commitment, encoded, knock

from assay.client.sdk import Assay
from assay.proof.keys import Key
from assay.proof.order import sign_order
from assay.schema.event import EVENT_BYTES_MAX
from assay.schema.job import JobSpec, JobSubmitted
from assay.schema.values import NO_DIGEST, Requirements, derive_id

pytestmark = pytest.mark.server


def submission(net: Net, **changes: Any) -> Claim:
    """A job of one segment for the steady provider, as it would be let in but for the changes."""
    job_id = derive_id("j", secrets.token_hex(16))
    spec = {"kind": "noop", "params": {"segments": 1}, "segments": 1, "segment_units": 1}
    spec |= {"requirements": Requirements(regions=(REGION[STEADY],))} | changes.pop("spec", {})
    terms = {"price_limit": 1_000, "deadline_ms": time.time_ns() // 1_000_000 + 600_000} | changes
    requester = net.party("requester")
    signed = {name: terms[name] for name in ("price_limit", "deadline_ms")}
    order = sign_order(requester.key, net.assay.domain, job_id, requester.id, JobSpec(**spec), **signed)
    terms = {"order_signature": order} | terms
    event = JobSubmitted(job_id=job_id, requester=requester.id, spec=JobSpec(**spec), **terms)
    return claim(net, "requester", event.type, job_id, event.model_dump_json(exclude_defaults=True).encode())


def priced(net: Net, amount: int) -> Claim:
    """An order whose price is any whole number."""
    said = submission(net)
    return replace(said, data=encoded(json.loads(said.data) | {"price_limit": amount}))


def tuning_of(net: Net, digest: str, memory_bytes: int = 4 * 2**30) -> Claim:
    params = {"model": NO_DIGEST, "data": digest, "steps": 1, "segment_steps": 1}
    cut = {"inputs": (digest,), "segment_units": 256, "requirements": Requirements(memory_bytes=memory_bytes)}
    return submission(net, spec={"kind": "finetune", "params": params, **cut})


Make = Callable[[Net, Any], Claim]
CASES: dict[str, tuple[str, Make]] = {
    "malformed": ("event.malformed", lambda net, _: claim(net, "requester", "job.submitted", "jx", b'{"job_id": 1}')),
    "unsigned": ("event.unsigned", lambda net, _: replace(submission(net), is_signed=False)),
    "signed by another": ("event.forged", lambda net, _: replace(submission(net), signer=Key.generate())),
    "in another's name": ("speaker.unknown", lambda net, _: replace(submission(net), party=STEADY)),
    "oversized": (
        "event.oversized",
        lambda net, _: claim(net, "requester", "job.submitted", "jx", b" " * (EVENT_BYTES_MAX + 1)),
    ),
    "of no type": ("event.unknown", lambda net, _: claim(net, "requester", "job.dreamed", "jx", b"{}")),
    "not one's to say": (
        "event.unknown",
        lambda net, lease: claim(
            net,
            "requester",
            "job.unfunded",
            lease.job_id,
            encoded(
                {"job_id": lease.job_id, "requester": net.party("requester").id, "code": "job.over", "reason": "x"}
            ),
        ),
    ),
    "another's lease": ("lease.unknown", lambda net, lease: commitment(net, lease, STEADY)),
    "a lease that is over": ("fence.stale", lambda net, lease: commitment(net, lease, SECOND)),
    "an unknown kind": ("job.unknown_kind", lambda net, _: submission(net, spec={"kind": "alchemy"})),
    "bad parameters": ("job.bad_params", lambda net, _: submission(net, spec={"params": {"segments": 0}})),
    "impossible requirements": (
        "job.impossible",
        lambda net, _: submission(net, spec={"requirements": Requirements(memory_bytes=2**45)}),
    ),
    "requirements that chose its judges": (
        "job.unverifiable",
        lambda net, _: submission(net, spec={"requirements": Requirements(memory_bytes=2**40)}),
    ),
    "a plan of its own": ("job.bad_params", lambda net, _: submission(net, spec={"segment_units": 7})),
    "a digest that is not there": ("job.missing_input", lambda net, _: tuning_of(net, "ab" * 32)),
    "less memory than its work needs": ("job.bad_params", lambda net, _: tuning_of(net, "ab" * 32, 2**30)),
    "past its deadline": ("job.past_deadline", lambda net, _: submission(net, deadline_ms=1_000)),
    "a price below zero": ("event.malformed", lambda net, _: priced(net, -1)),
    "a price of all that a word holds": ("event.malformed", lambda net, _: priced(net, 2**256 - 1)),
    "a price of nothing": ("job.bad_order", lambda net, _: priced(net, 0)),
    "an id that another job has": (
        "job.bad_order",
        lambda net, lease: claim(
            net,
            "requester",
            "job.submitted",
            lease.job_id,
            encoded(json.loads(submission(net).data) | {"job_id": lease.job_id}),
        ),
    ),
    "an order for other terms": (
        "job.bad_order",
        lambda net, _: submission(net, order_signature="0x" + "11" * 64 + "1b"),
    ),
}


at_rest = resting("module")  # none of the cases is to change anything


@pytest.fixture(scope="module")
async def lease(net: Net) -> Any:
    """A lease that the second provider had."""
    job_id = await net.submit(1, REGION[SECOND])
    await net.ended(job_id)
    return (await net.until_said(job_id, "lease.granted"))[0].event


@pytest.fixture(scope="module")
async def refused(net: Net) -> AsyncIterator[list[str]]:
    """The ids of what was refused; in the end none of them was let in."""
    ids: list[str] = []
    yield ids
    await net.ended(await net.submit(1, REGION[STEADY]))
    assert {said.id for said in net.chronicle.said}.isdisjoint(ids)


@pytest.mark.parametrize("case", CASES)
async def test_is_refused(net: Net, lease: Any, refused: list[str], case: str) -> None:
    code, make = CASES[case]
    said = make(net, lease)
    before = await net.balances("requester")
    assert await knock(net, said) == code
    refused.append(said.id)
    async with Assay.connect(net.devnet.profile(said.party)) as sender:
        seen = (await sender.door.ask("refusals", {}))["refusals"]
    assert [(row["code"], row["event_type"]) for row in seen if row["event_id"] == said.id] == [(code, said.type)]
    assert await net.balances("requester") == before


async def test_what_is_said_again_is_known_and_done_once(net: Net) -> None:
    said = submission(net)
    assert await knock(net, said) is None
    assert await knock(net, said) == "event.replayed"
    job = await net.ended(said.about)
    assert await knock(net, said) == "event.replayed"
    assert (job.state, len(job.leases)) == ("settled", 1)
