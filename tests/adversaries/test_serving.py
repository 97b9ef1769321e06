"""A hostile provider of served text: it is proven by what it commits to, and its users get what it says."""

import asyncio
from pathlib import Path

import pytest
from tests.adversaries.conftest import TWO_TONGUES
from tests.adversaries.running import REGIONS
from tests.holdings import holdings
from tests.network import PRICE, Net

from assay.client.serving import keeping as keeping_module
from assay.client.serving.fleet import Fleet
from assay.client.serving.flight import Question
from assay.client.serving.keeping import Terms
from assay.client.serving.server import keeping
from assay.schema.lease import LeaseCommitted
from assay.schema.served import ChatMessage, Piece
from assay.schema.values import cost_of

pytestmark = [pytest.mark.server, pytest.mark.slow, pytest.mark.timeout(1200)]

TOKENS, STEP, WITHIN_S = 24, 16, 240.0
ASKED = ChatMessage(role="user", content="go on")


async def test_who_says_another_answer_than_it_commits_to_is_left_after_a_segment_and_avoided(
    net: Net, farm: Path, tiny_model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeping_module, "COMPARE_S", 0.5)
    liar, before = net.party(TWO_TONGUES).id, await holdings(net, TWO_TONGUES)
    params = {"model": tiny_model, "segments": 8, "segment_requests": 1, "max_tokens": TOKENS}
    params |= {"prompt_tokens_max": 24, "batch": 1, "threads": 1, "step_tokens": STEP}
    terms, url = Terms(params, 8 * TOKENS * PRICE // 1_000_000 + 1, 900), net.devnet.profile("requester").nats_url
    async with keeping(net.assay, url, terms, 1, (REGIONS[TWO_TONGUES],)) as fleet, asyncio.timeout(WITHIN_S):
        said = "".join([piece.text async for piece in fleet.answer(question(5)) if isinstance(piece, Piece)])
        assert set(said.split()) == {"no"}
        while fleet.avoided != {liar}:
            await asyncio.sleep(0.1)
        assert not any(replica.is_open for replica in fleet.replicas)
        (left,) = {each.event.job_id for each in net.chronicle.said if is_commit_of(each.event, liar)}  # type: ignore[attr-defined]
        (payer,) = (replica.payer for replica in fleet.replicas)
        assert payer and payer.is_deceived and payer.vouch() is None
        # The next job is ordered for others alone, of whom there are none in its region.
        waiting = await next_waiting(net, fleet, left)
        assert "provider.avoided" in waiting
    job, after = await net.ended(left), await holdings(net, TWO_TONGUES)
    assert job.paid <= cost_of(TOKENS, PRICE) and after.stable - before.stable <= job.paid


def question(seed: int) -> Question:
    """What is asked."""
    return Question((ASKED,), seed, 1.5, 1.0, TOKENS)


def is_commit_of(event: object, provider: str) -> bool:
    """Whether it commits to a segment."""
    return isinstance(event, LeaseCommitted) and event.provider == provider


async def next_waiting(net: Net, fleet: Fleet, left: str) -> dict[str, int]:
    """Why the job after the one that was left waits."""
    while True:
        jobs = [job for job in await net.assay.jobs() if job.kind == "serve" and job.job_id != left]
        if jobs and jobs[0].waiting:
            return jobs[0].waiting
        await asyncio.sleep(0.2)
