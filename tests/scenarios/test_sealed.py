"""Sealed data: it is trained on, audited and paid for, and only those whom the work needs can read it, or what is made.

The provider that begins is killed, and another carries on; then the keys are destroyed, and nobody can read anything.
"""

import signal
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from safetensors.numpy import load
from tests.e2e.command import assay as command
from tests.network import MORTAL, PRICE, REGION, SECOND, STEADY, VERIFIERS, Net
from tests.scenarios.stores import holding, pieces_of
from tests.scenarios.tuning import tuning

from assay.bus.keys import ask_key
from assay.client.sdk import Assay, JobView
from assay.proof import verify
from assay.proof.dsse import open_envelope
from assay.proof.eip712 import statement_digest
from assay.proof.keys import recover
from assay.proof.receipt import Statement
from assay.schema.audit import AuditUpheld
from assay.schema.errors import Refused
from assay.schema.event import Event
from assay.schema.job import JobSubmitted
from assay.schema.key import SERVICE, KeyDestroyed, KeyForgotten, KeyReleased
from assay.schema.lease import LeaseCommitted

pytestmark = pytest.mark.server

SECRET = b"what nobody else is to know; "
TEXT = SECRET * 80


async def refusal(net: Net, name: str, digest: str) -> str:
    """The code with which a party is refused a key."""
    async with Assay.connect(net.devnet.profile(name)) as party:
        with pytest.raises(Refused) as refused:
            await ask_key(party.door.ask, net.party(name).key, digest)
        return refused.value.code


async def said(net: Net, kind: type[Event], digest: str, times: int = 1) -> list[Any]:
    """What was said of this kind about a key, once it was so often."""

    def found() -> list[Event]:
        about = [each.event for each in net.chronicle.said if isinstance(each.event, kind)]
        ours = [event for event in about if event.about == digest]
        return ours if len(ours) >= times else []

    return list(await net.chronicle.until(found, f"{times} x {kind.type} of {digest}"))


async def test_sealed_data_and_what_is_made_of_it_are_read_by_those_alone_who_do_and_prove_the_work(
    net: Net, tiny_model: str, tmp_path: Path
) -> None:
    source, regions = tmp_path / "text", (REGION[MORTAL], REGION[STEADY])
    source.write_bytes(TEXT)
    await net.revive(MORTAL)
    digest = await net.assay.add_sealed(source, regions)
    await net.devnet.supervisor.stop_one("gateway")
    await net.devnet.supervisor.start_one("gateway")
    asked = {name: await refusal(net, name, digest) for name in (STEADY, SECOND, "verifier-1")}
    assert asked == {STEADY: "key.undrawn", SECOND: "key.region", "verifier-1": "key.undrawn"}

    params = tuning(tiny_model) | {"data": digest}
    limit = params["steps"] * params["batch"] * params["sequence_tokens"] * PRICE // 1_000_000
    with pytest.raises(Refused, match=r"key\.region"):
        await net.order("finetune", params, (REGION[SECOND],), price_limit=limit)
    job_id = await net.assay.submit("finetune", params, price_limit=limit)
    seal = await told_of(net, job_id)
    await net.until_said(job_id, "lease.committed")
    net.devnet.supervisor.kill(MORTAL, signal.SIGKILL)
    assert [await refusal(net, SECOND, name) for name in (digest, seal)] == ["key.region"] * 2
    job = await net.ended(job_id)
    assert (job.state, job.seal) == ("settled", seal)
    assert [net.name_of(lease.provider) for lease in job.leases] == [MORTAL, STEADY]
    assert all(lease.paid > 0 for lease in job.leases)
    await net.revive(MORTAL)

    ends = [each.event for each in net.chronicle.said if isinstance(each.event, AuditUpheld)]
    verifiers = {event.verifier for event in ends if event.lease_id in {lease.lease_id for lease in job.leases}}
    needed = {net.party(MORTAL).id, net.party(STEADY).id, SERVICE, *verifiers}
    # A verifier that was drawn may be late, and another asked in its place.
    may_read, readers = needed | {net.party(name).id for name in VERIFIERS}, set[str]()
    for name in (digest, seal):
        released = await said(net, KeyReleased, name, len(needed))
        readers |= {event.reader for event in released}
        assert verifiers and needed <= readers <= may_read
        assert [event.provider for event in await said(net, KeyForgotten, name)] == [net.party(STEADY).id]
    await check_receipt(net, job_id, readers, tmp_path)

    drawn = net.name_of(verifiers.pop())
    assert {await refusal(net, *about) for about in product((STEADY, drawn), (digest, seal))} == {"key.ended"}
    result = await check_stored(net, job, digest, tmp_path)

    for name, forgotten in ((digest, digest), (job_id, seal)):
        await command("data", "forget", name, profile=net.party("requester").folder)
        (destroyed,) = await said(net, KeyDestroyed, forgotten)
        fact = (destroyed.type, forgotten, destroyed.holder, destroyed.destroyed_ms, b"")
        assert recover(statement_digest(net.assay.domain, *fact), destroyed.signature) == destroyed.holder
    assert {await refusal(net, *about) for about in product((STEADY, drawn), (digest, seal))} == {"key.destroyed"}
    for nothing in (net.assay.submit("finetune", params, price_limit=limit), net.assay.fetch(job_id, tmp_path / "no")):
        with pytest.raises(Refused, match=r"key\.destroyed"):
            await nothing

    plain = tuning(tiny_model) | {"data": await net.assay.upload(TEXT)}
    other = await net.ended(await net.order("finetune", plain, (REGION[STEADY],), price_limit=limit))
    assert (await net.assay.fetch(other.job_id, tmp_path / "plain")).read_bytes() == result
    # It is what would have been found.
    assert all(any(holding(net, piece)) for piece in pieces_of(result))


async def told_of(net: Net, job_id: str) -> str:
    """The name of a job's key, as its order says."""
    (order,) = await net.until_said(job_id, "job.submitted")
    assert isinstance(order.event, JobSubmitted) and order.event.spec.seal
    return order.event.spec.seal


async def check_stored(net: Net, job: JobView, digest: str, folder: Path) -> bytes:
    """The result; nothing of it, of a checkpoint or of the data lies readable in any store, or on the bus."""
    result = (await net.assay.fetch(job.job_id, folder / "result")).read_bytes()
    commits = [each.event for each in net.chronicle.of(job.job_id) if isinstance(each.event, LeaseCommitted)]
    states = [await net.assay.read(commit.checkpoint, job.seal) for commit in commits[-1:]]
    for stored in (digest, commits[-1].checkpoint, str(job.result)):
        blob = await net.assay.read(stored)
        assert any("jetstream" in path.parts for path in holding(net, blob[:64]))
    checkpoint = await net.assay.checkpoint(job.job_id)
    for name, tensor in (await checkpoint.tensors()).items():
        assert await checkpoint.data(tensor) == load(states[0])[name].tobytes()
    for content in (SECRET, *(piece for each in (result, *states) for piece in pieces_of(each))):
        assert list(holding(net, content)) == []
    return result


async def check_receipt(net: Net, job_id: str, readers: set[str], folder: Path) -> None:
    """The receipt holds, and shows who was given the key."""
    sealed = (await net.assay.receipt(job_id, folder / "receipt")).read_text()
    report = verify(sealed)
    assert report.passed, report.faults
    (check,) = [check for check in report.checks if check.name == "keys"]
    assert all(reader in check.sentence for reader in readers)
    shown = Statement.model_validate_json(open_envelope(sealed).payload).predicate.keys
    assert {part.reader for part in shown} == readers
