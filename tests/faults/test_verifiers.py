"""A verifier, or verification itself, is killed in the middle of audits: they go on, and nobody is slashed."""

import signal

import pytest
from tests.network import REGION, STEADY, VERIFIERS, Net

pytestmark = [pytest.mark.server, pytest.mark.slow]


async def test_killed_verifiers_lose_nothing_and_answer_nothing_twice(net: Net) -> None:
    since = len(net.chronicle.said)
    jobs = [await net.submit(6, REGION[STEADY]) for _ in range(3)]
    for job_id, name in zip(jobs, VERIFIERS, strict=True):
        await net.until_said(job_id, "job.executed")
        net.devnet.supervisor.kill(name, signal.SIGKILL)
    for job_id in jobs:
        assert (await net.ended(job_id)).state == "settled"
    said = [envelope.event for envelope in net.chronicle.said[since:] if envelope.event.entity() == "audit"]
    assert not [event for event in said if event.type == "audit.overruled"]
    upheld = [event.about for event in said if event.type == "audit.upheld"]
    assert upheld and len(upheld) == len(set(upheld))


async def test_a_verification_killed_in_the_middle_of_an_epoch_carries_it_on(net: Net) -> None:
    since = len(net.chronicle.said)
    job_id = await net.submit(6, REGION[STEADY])
    await net.chronicle.until(
        lambda: any(said.event.type == "epoch.drawn" for said in net.chronicle.said[since:]), "a draw"
    )
    net.devnet.supervisor.kill("verification", signal.SIGKILL)
    assert (await net.ended(job_id)).state == "settled"
    said = [(e.event.type, e.event.about) for e in net.chronicle.said[since:] if e.event.entity() in ("epoch", "audit")]
    assert len(said) == len(set(said))
