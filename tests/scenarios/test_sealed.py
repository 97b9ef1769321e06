"""Sealed data: it is trained on, audited and paid for, and only those whom the work needs are given its key, once."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.network import PRICE, REGION, SECOND, STEADY, Net
from tests.scenarios.tuning import tuning

from assay.bus.keys import ask_key
from assay.client.sdk import Assay
from assay.proof import verify
from assay.proof.dsse import open_envelope
from assay.proof.eip712 import statement_digest
from assay.proof.keys import recover
from assay.proof.receipt import Statement
from assay.schema.audit import AuditUpheld
from assay.schema.errors import Refused
from assay.schema.event import Event
from assay.schema.key import SERVICE, KeyDestroyed, KeyForgotten, KeyReleased

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


def holding(net: Net, content: bytes) -> Iterator[Path]:
    """The files of servers, services and parties that hold these bytes."""
    for path in net.devnet.servers.folder.root.rglob("*"):
        try:
            if path.is_file() and content in path.read_bytes():
                yield path
        except OSError:
            continue  # it went while it was looked for


async def test_sealed_data_is_read_by_those_alone_who_do_and_prove_the_work_until_its_key_is_destroyed(
    net: Net, tiny_model: str, tmp_path: Path
) -> None:
    source = tmp_path / "text"
    source.write_bytes(TEXT)
    digest = await net.assay.add_sealed(source, (REGION[STEADY],))
    await net.devnet.supervisor.stop_one("gateway")
    await net.devnet.supervisor.start_one("gateway")
    asked = {name: await refusal(net, name, digest) for name in (STEADY, SECOND, "verifier-1")}
    assert asked == {STEADY: "key.undrawn", SECOND: "key.region", "verifier-1": "key.undrawn"}

    params = tuning(tiny_model) | {"data": digest}
    limit = params["steps"] * params["batch"] * params["sequence_tokens"] * PRICE // 1_000_000
    with pytest.raises(Refused, match=r"key\.region"):
        await net.order("finetune", params, (REGION[SECOND],), price_limit=limit)
    job_id = await net.assay.submit("finetune", params, price_limit=limit)
    await net.until_said(job_id, "key.released")
    assert await refusal(net, SECOND, digest) == "key.region"
    job = await net.ended(job_id)
    assert (job.state, [net.name_of(lease.provider) for lease in job.leases]) == ("settled", [STEADY])
    assert job.leases[0].paid > 0

    ends = [each.event for each in net.chronicle.said if isinstance(each.event, AuditUpheld)]
    verifiers = {event.verifier for event in ends if event.lease_id == job.leases[0].lease_id}
    readers = {net.party(STEADY).id, SERVICE, *verifiers}
    released = await said(net, KeyReleased, digest, len(readers))
    assert verifiers and {event.reader for event in released} == readers
    assert [event.provider for event in await said(net, KeyForgotten, digest)] == [net.party(STEADY).id]
    await check_receipt(net, job_id, readers, tmp_path)

    drawn = net.name_of(verifiers.pop())
    assert {await refusal(net, name, digest) for name in (STEADY, drawn)} == {"key.ended"}
    stored = await net.assay.read(digest)
    assert any("jetstream" in path.parts for path in holding(net, stored[:64]))
    assert list(holding(net, SECRET)) == []

    await net.assay.forget(digest)
    (destroyed,) = await said(net, KeyDestroyed, digest)
    fact = (destroyed.type, digest, destroyed.holder, destroyed.destroyed_ms, b"")
    assert recover(statement_digest(net.assay.domain, *fact), destroyed.signature) == destroyed.holder
    assert {await refusal(net, name, digest) for name in (STEADY, drawn)} == {"key.destroyed"}
    with pytest.raises(Refused, match=r"key\.destroyed"):
        await net.assay.submit("finetune", params, price_limit=limit)


async def check_receipt(net: Net, job_id: str, readers: set[str], folder: Path) -> None:
    """The receipt holds, and shows who was given the key."""
    sealed = (await net.assay.receipt(job_id, folder / "receipt")).read_text()
    report = verify(sealed)
    assert report.passed, report.faults
    (check,) = [check for check in report.checks if check.name == "keys"]
    assert all(reader in check.sentence for reader in readers)
    shown = Statement.model_validate_json(open_envelope(sealed).payload).predicate.keys
    assert {part.reader for part in shown} == readers
