"""A job whose order asks for replication: several answer at once about each drawn segment, at its own cost."""

from collections import Counter

import pytest
from tests.network import REGION, SEGMENT_PRICE, STEADY, VERIFIERS, Net, earned

from assay.proof import verify
from assay.schema.audit import AuditPaid, AuditUpheld
from assay.schema.values import Policy

pytestmark = pytest.mark.server

SEGMENTS = 3


async def test_a_replicated_job_passes_by_quorum_and_pays_its_verifiers(net: Net) -> None:
    requester = await net.balances("requester")
    verifiers = {name: await net.balances(name) for name in VERIFIERS}
    policy = Policy(audit_segments=SEGMENTS, method="replication")
    # What it may come to: each segment once, and five answers to it.
    limit = 6 * SEGMENTS * SEGMENT_PRICE
    job_id = await net.submit(SEGMENTS, REGION[STEADY], policy=policy, price_limit=limit)
    job = await net.ended(job_id)
    audited = 3 * SEGMENTS * SEGMENT_PRICE
    assert (job.state, job.paid, job.audited) == ("settled", earned(SEGMENTS * SEGMENT_PRICE), audited)
    assert await net.balances("requester") == requester - SEGMENTS * SEGMENT_PRICE - audited
    upheld = [said.event for said in net.chronicle.said if isinstance(said.event, AuditUpheld)]
    ordered = [audit for audit in upheld if audit.ordered_by == job_id]
    assert Counter((audit.segment, audit.method, audit.agreed) for audit in ordered) == {
        (segment, "replication", True): 3 for segment in range(SEGMENTS)
    }
    audits = {audit.audit_id for audit in ordered}
    await net.chronicle.until(lambda: audits <= paid(net), f"audit.paid of {job_id}")
    gains = {name: await net.balances(name) - before for name, before in verifiers.items()}
    assert all(gain >= SEGMENTS * SEGMENT_PRICE for gain in gains.values())
    assert job.receipt is not None
    report = verify((await net.assay.door.blobs.get(job.receipt)).decode())
    assert report.faults == ()
    assert sum("by replication: agrees." in check.sentence for check in report.checks) == 3 * SEGMENTS


def paid(net: Net) -> set[str]:
    """The audits that were paid so far."""
    return {said.event.audit_id for said in net.chronicle.said if isinstance(said.event, AuditPaid)}


async def test_an_order_that_cannot_pay_its_audits_waits_and_says_why(net: Net) -> None:
    policy = Policy(method="replication")
    job_id = await net.submit(2, REGION[STEADY], policy=policy, price_limit=5 * SEGMENT_PRICE)
    (waiting, *_) = await net.until_said(job_id, "job.waiting")
    assert "price.above_limit" in waiting.event.reasons  # type: ignore[attr-defined]
    await net.assay.cancel(job_id)
    assert (await net.ended(job_id)).refunded == 5 * SEGMENT_PRICE
