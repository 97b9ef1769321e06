"""A provider is killed whose job asked for a spare: the one that kept warm has all it needs, and goes on at once."""

import signal

import pytest
from tests.network import MORTAL, PRICE, REGION, SECOND, SEGMENT_PRICE, SLOWLY, STEADY, Net, earned
from tests.scenarios.test_migrated import states
from tests.scenarios.tuning import Tuned

from assay.schema.event import Envelope, Event
from assay.schema.lease import LeaseCommitted, LeaseGranted
from assay.schema.spare import CALLED, SpareEnded, SpareWarmed
from assay.schema.values import Policy

pytestmark = pytest.mark.server

LINKS = 200
SPARED = Policy(spares=1)
LONGER = {"steps": 1_200, "segment_steps": 100}
"""A fine-tuning that is still under way when another child has loaded torch."""


def said(net: Net, job_id: str, kind: type[Event]) -> list[Envelope[Event]]:
    """What of this kind was said of a job, in order."""
    return [each for each in net.chronicle.of(job_id) if isinstance(each.event, kind)]


async def test_a_spare_is_called_when_the_provider_is_killed_and_let_go_when_it_is_not_needed(net: Net) -> None:
    await net.revive(MORTAL)
    regions = (REGION[MORTAL], REGION[SECOND], REGION[STEADY])
    job_id = await net.submit(LINKS, *regions, params=SLOWLY, policy=SPARED)
    await net.until_said(job_id, "spare.warmed")
    assert (await net.assay.job(job_id)).spares.keys() == {each.event.about for each in await spares(net, job_id)}
    net.devnet.supervisor.kill(MORTAL, signal.SIGKILL)
    job = await net.ended(job_id)
    first, second = job.leases
    assert [net.name_of(lease.provider) for lease in job.leases] == [MORTAL, STEADY]
    assert first.segments + second.segments == LINKS and job.spares == {}
    assert first.paid == earned(first.segments * SEGMENT_PRICE // 2)
    assert second.paid == earned(second.segments * SEGMENT_PRICE)
    (granted,) = await spares(net, job_id)
    story = list(dict.fromkeys(net.story(granted.event.about)))
    assert {*story} >= {"spare.granted matching", "spare.warmed steady", "spare.ended matching"}
    assert [each.event.code for each in said(net, job_id, SpareEnded)] == [CALLED]  # type: ignore[attr-defined]


async def spares(net: Net, job_id: str) -> list[Envelope[Event]]:
    """The spares that a job was given."""
    return await net.until_said(job_id, "spare.granted")


@pytest.mark.slow
async def test_a_tuning_whose_provider_is_killed_goes_on_with_what_its_spare_has_to_the_same_bits(
    net: Net, tuned: Tuned
) -> None:
    await net.revive(MORTAL)
    params = tuned.params | LONGER | {"data": await net.assay.upload(tuned.text)}
    limit = params["steps"] * params["batch"] * params["sequence_tokens"] * PRICE // 1_000_000
    alone = await net.order("finetune", params, (REGION[STEADY],), price_limit=limit)
    whole = await net.ended(alone)
    regions = (REGION[MORTAL], REGION[STEADY])
    job_id = await net.order("finetune", params, regions, price_limit=limit, policy=SPARED)
    await net.until_said(job_id, "spare.warmed", 2)
    net.devnet.supervisor.kill(MORTAL, signal.SIGKILL)
    job = await net.ended(job_id)
    assert [net.name_of(lease.provider) for lease in job.leases] == [MORTAL, STEADY]
    # At most the segment in hand was lost.
    resume, first = carried_on(net, job_id), job.leases[0]
    assert resume == first.segments - 1 and 0 < first.segments < job.segments
    # What the lease reads was there before it was granted, but for a checkpoint of the moment of the kill itself.
    (lapsed,) = [each for each in net.chronicle.of(job_id) if each.event.type == "lease.lapsed"]
    warm = {each.event.segment: each.time_ms for each in said(net, job_id, SpareWarmed)}  # type: ignore[attr-defined]
    assert any(warm.get(segment, lapsed.time_ms) < lapsed.time_ms for segment in (resume, resume - 1))
    assert states(net, job_id) == states(net, alone)
    assert job.result == whole.result


def carried_on(net: Net, job_id: str) -> int:
    """The last segment before the second lease; each segment was committed once."""
    resume = [each.event.resume for each in said(net, job_id, LeaseGranted)][1]  # type: ignore[attr-defined]
    done = [each.event.segment for each in said(net, job_id, LeaseCommitted)]  # type: ignore[attr-defined]
    assert sorted(done) == list(range(len(done)))
    assert resume is not None
    return int(resume.segment)
