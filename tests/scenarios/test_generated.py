"""Completions: verifiers read what was written, and who has not computed it is found by what they see."""

import json
from pathlib import Path

import pytest
from tests.network import CHEAT, PRICE, REGION, STEADY, Net

from assay.proof import verify
from assay.schema.audit import AuditOverruled, AuditUpheld
from assay.schema.lease import LeaseRejected

pytestmark = pytest.mark.server

PROMPTS = ["one", "two and a bit", "a third one", "four"]
TOKENS = 8
LOADED_S = 240.0
"""Within what a provider, a verifier and the service have loaded a model, on a busy machine."""


async def order_completions(net: Net, model: str, region: str, segments: int) -> str:
    """The id of a job of four prompts."""
    prompts = b"".join(json.dumps({"prompt": prompt}).encode() + b"\n" for prompt in PROMPTS)
    params = {"model": model, "prompts": await net.assay.upload(prompts), "requests": len(PROMPTS)}
    params |= {
        "segment_requests": len(PROMPTS) // segments,
        "max_tokens": TOKENS,
        "batch": 2,
        "prompt_tokens_max": 32,
        "threads": 1,
    }
    return await net.order("generate", params, (region,), price_limit=len(PROMPTS) * TOKENS * PRICE // 1_000_000)


async def test_completions_are_read_by_verifiers_and_settled(net: Net, tiny_model: str, tmp_path: Path) -> None:
    job_id = await order_completions(net, tiny_model, REGION[STEADY], segments=2)
    job = await net.ended(job_id, within_s=LOADED_S)
    assert job.state == "settled"
    lines = (await net.assay.fetch(job_id, tmp_path / "result")).read_text().splitlines()
    assert [json.loads(line)["request"] for line in lines] == [0, 1, 2, 3]
    report = verify((await net.assay.receipt(job_id, tmp_path / "receipt")).read_text())
    assert report.passed, report.faults
    answered = [check.sentence for check in report.checks if "answered for segment" in check.sentence]
    assert len(answered) == 2 and all(sentence.endswith("by prefill: agrees.") for sentence in answered)


async def test_completions_that_no_model_wrote_are_found_and_slashed(net: Net, tiny_model: str) -> None:
    job_id = await order_completions(net, tiny_model, REGION[CHEAT], segments=1)
    job = await net.ended(job_id, within_s=LOADED_S)
    assert (job.state, job.paid) == ("refunded", 0)
    (lease,) = [said.event for said in net.chronicle.of(job_id) if isinstance(said.event, LeaseRejected)]
    assert lease.code == "segment.wrong_states"
    await net.until_said(job_id, "lease.slashed")
    ends = [said.event for said in net.chronicle.said if isinstance(said.event, AuditUpheld | AuditOverruled)]
    ours = [event for event in ends if event.lease_id == lease.lease_id]
    assert len(ours) >= 3 and {(event.type, event.method, event.agreed) for event in ours} == {
        ("audit.upheld", "prefill", False)
    }
