"""One job is one trace, from the claim at the door to the payment, through every service."""

import pytest
from tests.integration.observing import Collector, Span, until
from tests.network import REGION, STEADY, Net

from assay.runtime.telemetry import trace_of

pytestmark = [pytest.mark.server, pytest.mark.slow]

# What each service hears of a job that goes well; discovery hears of its lease's end only.
HEARD = {
    "assay-gateway": {"job.submitted", "job.funded", "lease.granted", "lease.committed", "job.verified", "job.settled"},
    "assay-discovery": {"lease.verified"},
    "assay-matching": {"job.submitted", "job.funded", "lease.started", "lease.committed", "lease.executed"},
    "assay-verification": {"lease.granted", "lease.committed", "job.executed"},
    "assay-settlement": {"job.submitted", "lease.granted", "lease.committed", "job.executed", "job.verified"},
}
# What was said by a handler stands below the span in which it was said: the event, its hearer, the span above it.
BELOW = [
    ("lease.granted", "assay-verification", "on job.funded"),
    ("job.started", "assay-gateway", "on lease.started"),
    ("job.executed", "assay-verification", "on lease.executed"),
]


async def test_a_job_is_one_trace_through_every_service(net: Net, collector: Collector) -> None:
    job_id = await net.submit(3, REGION[STEADY])
    await net.ended(job_id)
    trace, root, _ = trace_of(job_id)

    async def is_whole() -> list[Span]:
        spans = collector.of(trace)
        whole = all({f"on {event}" for event in events} <= names(spans, service) for service, events in HEARD.items())
        return spans if whole else []

    spans = await until(is_whole, f"spans of {HEARD} in the trace {trace}")
    assert {span.service for span in spans} == set(HEARD)
    by_id = {span.id: span for span in spans}
    assert len(by_id) == len(spans)
    assert {span.parent for span in spans} <= {root, *by_id}
    for event, hearer, above in BELOW:
        (span,) = [s for s in spans if s.service == hearer and s.name == f"on {event}"]
        assert by_id[span.parent].service == "assay-matching"
        assert by_id[span.parent].name == above


async def test_what_participants_say_is_in_the_trace_of_their_job(net: Net, collector: Collector) -> None:
    job_id = await net.submit(2, REGION[STEADY])
    await net.ended(job_id)
    trace, root, _ = trace_of(job_id)

    async def spoken() -> dict[str, Span]:
        spans = {span.attributes["assay.source"]: span for span in collector.of(trace)}
        return spans if {net.party("requester").id, net.party(STEADY).id} <= set(spans) else {}

    spans = await until(spoken, "what the requester and the provider said")
    # No signature covers a trace, so theirs begin at the job's root whatever they send.
    assert {spans[net.party(name).id].parent for name in ("requester", STEADY)} == {root}


async def test_batches_link_to_the_jobs_in_them(net: Net, collector: Collector) -> None:
    job_id = await net.submit(2, REGION[STEADY])
    await net.ended(job_id)
    trace, _, _ = trace_of(job_id)

    async def linked() -> set[str]:
        found = {span.service for span in collector.spans if span.name.startswith("batch ") and trace in span.links}
        return found if found == set(HEARD) else set()

    await until(linked, "a batch of every service that links to the job's trace")


def names(spans: list[Span], service: str) -> set[str]:
    """The names of a service's spans."""
    return {span.name for span in spans if span.service == service}
