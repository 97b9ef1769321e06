"""A worker that is challenged: its idle children show what they can do, and a lease comes first."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from services.execution.tests.test_worker import PROVIDER, Site, granted
from tests.played import PlayedDoor, until

from assay.proof.challenge import seed_of
from assay.schema.challenge import ChallengeAnswered, ChallengeCalled
from assay.schema.lease import LeaseExecuted, LeaseStarted
from assay.schema.values import derive_id
from assay.workloads import challenge


def called(number: int = 1, **changes: Any) -> ChallengeCalled:
    fields = {"block": number, "block_hash": "7" * 64, "nonce": "8" * 64, "window_ms": 50, "due_ms": 2**50}
    return ChallengeCalled(**{"challenge_id": derive_id("h", number), "provider": PROVIDER} | fields | changes)


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    site = Site(tmp_path, PlayedDoor())
    site.start()
    yield site
    await site.crash()


async def test_an_idle_worker_answers_with_rows_that_anyone_computes_again(site: Site) -> None:
    await site.door.say(called(), "verification")
    await until(lambda: site.door.said(ChallengeAnswered))
    (answer,) = site.door.said(ChallengeAnswered)
    (part,) = answer.parts
    seed = seed_of("7" * 64, "8" * 64, PROVIDER, 0)
    last = part.rows - 1
    found = challenge.recompute(seed, [0, last], part.rounds)
    assert found == [part.marks[:4], part.marks[4 * last :]]
    await site.grant(granted())
    await until(lambda: site.door.said(LeaseExecuted))


async def test_a_challenge_whose_time_is_over_or_that_is_anothers_is_let_be(site: Site) -> None:
    await site.door.say(called(1, due_ms=site.now() - 1), "verification")
    await site.door.say(called(2, provider="p" + "b" * 32), "verification")
    await site.door.say(called(3), "verification")
    await until(lambda: site.door.said(ChallengeAnswered))
    assert [each.challenge_id for each in site.door.said(ChallengeAnswered)] == [derive_id("h", 3)]


async def test_a_worker_at_work_is_not_disturbed(site: Site) -> None:
    await site.grant(
        granted(segments=4, spec=granted().spec.model_copy(update={"params": {"segments": 4, "pause_ms": 300}}))
    )
    await until(lambda: site.door.said(LeaseStarted))
    await site.door.say(called(1), "verification")
    await until(lambda: site.door.said(LeaseExecuted))
    await until(lambda: not site.worker.leases)
    assert site.door.said(ChallengeAnswered) == []
    await site.door.say(called(2), "verification")
    await until(lambda: site.door.said(ChallengeAnswered))
    assert [each.challenge_id for each in site.door.said(ChallengeAnswered)] == [derive_id("h", 2)]
