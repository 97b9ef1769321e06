"""One trace for each job, across every service, and spans for those that are sampled."""

import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any

import pytest
from libs.runtime.tests.toy import REQUESTER, committed, funded, id_of, started, submitted
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from assay.runtime.telemetry import Telemetry
from assay.schema import Envelope

Received = list[ExportTraceServiceRequest]


@pytest.fixture
def collector() -> Iterator[tuple[str, Received]]:
    """An OTLP endpoint, and what it received."""
    received: Received = []

    class Collect(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            received.append(ExportTraceServiceRequest.FromString(body))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *args: object) -> None:
            """Says nothing."""

    server = HTTPServer(("127.0.0.1", 0), Collect)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/v1/traces", received
    server.shutdown()
    server.server_close()


def test_all_events_of_a_job_are_of_one_trace() -> None:
    one, other = Telemetry("matching", 1.0), Telemetry("settlement", 1.0)
    traces = {one.carry(submitted(1)), other.carry(funded(1)), other.carry(committed(1, 0))}
    assert len(traces) == 1
    assert one.carry(submitted(2)) not in traces


def test_what_follows_goes_below_a_parent_of_its_own_job_alone() -> None:
    telemetry = Telemetry("matching", 1.0)
    own, foreign = telemetry.carry(submitted(1)), telemetry.carry(submitted(2))
    below = own[:36] + "1122334455667788-01"
    assert telemetry.carry(funded(1), below) == below
    assert telemetry.carry(funded(1), foreign) == own


def test_the_share_of_traced_jobs_is_the_ratio() -> None:
    telemetry = Telemetry("matching", 0.25)
    traced = sum(telemetry.carry(submitted(number)).endswith("-01") for number in range(1000))
    assert 190 < traced < 310


def test_spans_are_sent_for_traced_events_with_links_from_their_batch(collector: tuple[str, Received]) -> None:
    url, received = collector
    telemetry = Telemetry("matching", 1.0, url)
    said = [
        Envelope.wrap(submitted(number), REQUESTER, 1, traceparent=telemetry.carry(submitted(number)))
        for number in range(3)
    ]
    with telemetry.batch("JOBS", said):
        for envelope in said:
            with telemetry.handled(envelope) as below:
                assert below is not None and envelope.traceparent is not None
                assert below[:35] == envelope.traceparent[:35] and below != envelope.traceparent
    telemetry.close()
    spans = spans_in(received)
    batch = next(span for span in spans if span.name == "batch JOBS")
    handled = [span for span in spans if span.name == "on job.submitted"]
    assert len(batch.links) == len(handled) == 3
    about = {attribute.value.string_value for span in handled for attribute in span.attributes}
    assert id_of("j", 1) in about


def test_nothing_is_traced_without_an_exporter() -> None:
    telemetry = Telemetry("matching", 1.0)
    assert not telemetry.is_traced(telemetry.carry(submitted(1)))


def test_a_stretch_of_work_stands_below_what_led_to_it_and_holds_what_was_said_in_it(
    collector: tuple[str, Received],
) -> None:
    url, received = collector
    telemetry = Telemetry("execution", 1.0, url)
    since_ns = time.time_ns() - 10**9
    with telemetry.stretch("lease", started(1), telemetry.carry(submitted(2))) as lease:
        telemetry.led_to(committed(1, 0), lease, since_ns)
    telemetry.close()
    said, whole = spans_in(received)
    assert (said.name, whole.name) == ("to lease.committed", "lease")
    assert said.parent_span_id == whole.span_id and said.start_time_unix_nano == since_ns
    # What is of another job is not above it: then it begins at the root of its own.
    assert whole.parent_span_id.hex() == telemetry.carry(submitted(1))[36:52]


def spans_in(received: Received) -> list[Any]:
    """All spans, in the order in which they ended."""
    return [span for r in received for rs in r.resource_spans for ss in rs.scope_spans for span in ss.spans]
