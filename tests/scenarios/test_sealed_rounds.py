"""Sealed runs: what members and outer steps make is read by those alone who make, prove and order it, in any round."""

import json
from pathlib import Path
from typing import Any

import pytest
from safetensors.numpy import load
from tests.e2e.command import assay as command
from tests.network import MORTAL, PRICE, REGION, SECOND, STEADY, Net
from tests.scenarios.holders import hold
from tests.scenarios.stores import holding, pieces_of

from assay.bus.keys import ask_key
from assay.client.sdk import Assay, JobView
from assay.proof import verify
from assay.schema.errors import Refused
from assay.schema.job import JobSpec, JobSubmitted
from assay.schema.key import KeyDestroyed, KeyReleased
from assay.schema.lease import LeaseCommitted
from assay.workloads.federated.vault import Terms

pytestmark = [pytest.mark.server, pytest.mark.slow]

SECRET = b"of this nobody in any round shall hear; "
SIZES = ("-p", "sequence_tokens=16", "-p", "batch=2", "-p", "threads=1", "-p", "learning_rate=0.01")


async def test_rounds_on_sealed_data_are_sealed_and_each_reads_what_those_before_it_made(
    net: Net, tiny_model: str, tmp_path: Path
) -> None:
    source, text, run = tmp_path / "sealed", tmp_path / "text", tmp_path / "run"
    source.write_bytes(SECRET * 80)
    text.write_bytes(b"the quick brown fox jumps over the lazy dog; " * 60)
    where = (REGION[STEADY], REGION[SECOND])
    digest = await net.assay.add_sealed(source, where)
    how = ("--model", tiny_model, "--rounds", 2, "--inner-steps", 4, "--compress", "int8", *SIZES, "--price", PRICE)
    each = [word for shard in (digest, text) for word in ("--shard", shard, "--regions", ",".join(where))]
    ran = await command("train", run, *how, *each, "-p", "segment_steps=2", profile=net.party("requester").folder)
    assert ran.code == 0, ran
    jobs = await ended(net, run)
    specs = [await spec_of(net, job) for job in jobs]
    own = [{spec.params["data"]} if spec.kind == "diloco" else set() for spec in specs]
    assert [set(spec.inputs) - set(spec.made) for spec in specs] == own and any(spec.made for spec in specs)
    assert {spec.sealed for spec in specs if digest in spec.inputs} == {(digest,)}
    assert "model.embed_tokens.weight" in load((run / "result").read_bytes())
    await check_hidden(net, jobs, (SECRET, *pieces_of((run / "result").read_bytes())))
    await check_keys(net, jobs, tmp_path)


async def test_a_sealed_federation_hides_its_updates_and_its_model(net: Net, tmp_path: Path) -> None:
    await hold(net, "hidden", Terms())
    run = tmp_path / "run"
    how = ("--data", "hidden", "--layers", "4,16,2", "--rounds", 2, "--steps", 3, "--price", PRICE, "--seal")
    where = ("--regions", f"{REGION[STEADY]},{REGION[SECOND]}")
    ran = await command("federate", run, *how, *where, profile=net.party("requester").folder)
    assert ran.code == 0, ran
    jobs = await ended(net, run)
    specs = [await spec_of(net, job) for job in jobs]
    assert all(spec.made == spec.inputs for spec in specs) and any(spec.made for spec in specs)
    await check_hidden(net, jobs, pieces_of((run / "result").read_bytes()))
    await check_keys(net, jobs, tmp_path)


async def ended(net: Net, run: Path) -> list[JobView]:
    """The jobs of a run once they are settled."""
    facts = [json.loads(line) for line in (run / "rounds.jsonl").read_text().splitlines()]
    jobs = [await net.ended(fact["job_id"]) for fact in facts if fact["fact"] == "ordered"]
    assert {job.state for job in jobs} == {"settled"}
    (seal,) = [fact["seal"] for fact in facts if fact["fact"] == "sealed"]
    assert {job.seal for job in jobs} == {seal}
    return jobs


async def spec_of(net: Net, job: JobView) -> JobSpec:
    """What a job was ordered to do."""
    (order,) = await net.until_said(job.job_id, "job.submitted")
    assert isinstance(order.event, JobSubmitted)
    return order.event.spec


async def check_hidden(net: Net, jobs: list[JobView], secrets: Any) -> None:
    """Nothing of what the jobs made lies readable in any store, or on the bus; sealed it does."""
    found = list(secrets)
    for job in jobs:
        said = [each.event for each in net.chronicle.of(job.job_id) if isinstance(each.event, LeaseCommitted)]
        # Those before the last may be gone by now: their audits are over.
        for stored in {max(said, key=lambda commit: commit.segment).checkpoint, str(job.result)}:
            blob, content = await net.assay.read(stored), await net.assay.read(stored, job.seal)
            assert any("jetstream" in path.parts for path in holding(net, blob[:64]))
            # Of text all lines begin alike, of packed values the head: the middle tells.
            found.append(content[len(content) // 2 :][:64])
    telling = {content for content in found if len(set(content)) > 16}
    assert len(telling) >= len(jobs) // 2
    for content in telling:
        assert list(holding(net, content)) == []
    # It is what would have been found.
    await net.assay.upload(content)
    assert any(holding(net, content))


async def check_keys(net: Net, jobs: list[JobView], folder: Path) -> None:
    """Each job's receipt names who had the key; one job's name is enough to have it destroyed for all of them."""
    seal = str(jobs[0].seal)
    released = [each.event for each in net.chronicle.said if isinstance(each.event, KeyReleased)]
    bases = {event.basis for event in released if event.digest == seal}
    assert {lease.lease_id for job in jobs for lease in job.leases} <= bases
    for job in (jobs[0], jobs[-1]):
        report = verify((await net.assay.receipt(job.job_id, folder / "receipt")).read_text())
        assert report.passed, report.faults
        (check,) = [check for check in report.checks if check.name == "keys"]
        assert all(lease.provider in check.sentence for lease in job.leases)
    assert await refusal(net, MORTAL, seal) in ("key.undrawn", "key.region", "key.ended")
    ran = await command("data", "forget", jobs[0].job_id, profile=net.party("requester").folder)
    assert ran.code == 0, ran
    await net.chronicle.until(lambda: is_destroyed(net, seal), "the key to be destroyed")
    assert {await refusal(net, name, seal) for name in (STEADY, SECOND, "requester")} == {"key.destroyed"}
    for job in jobs:
        with pytest.raises(Refused, match=r"key\.destroyed"):
            await net.assay.fetch(job.job_id, folder / "none")


def is_destroyed(net: Net, seal: str) -> bool:
    """Whether the holder has said so."""
    return any(isinstance(each.event, KeyDestroyed) and each.event.digest == seal for each in net.chronicle.said)


async def refusal(net: Net, name: str, digest: str) -> str:
    """The code with which a party is refused a key."""
    async with Assay.connect(net.devnet.profile(name)) as party:
        with pytest.raises(Refused) as refused:
            await ask_key(party.door.ask, net.party(name).key, digest)
        return refused.value.code
