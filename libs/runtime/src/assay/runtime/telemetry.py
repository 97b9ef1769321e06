"""Traces: one for each job, whichever process, timer or chain transaction carries it on.

The trace's id follows from the job's id: it never breaks where work passes through a table instead of a message.
Whether a job is traced follows from that id too, so all services agree without a word (as OpenTelemetry's ratio sampler
does). Spans are made only where an exporter is set: one for a batch, with links, one for each handled event of a traced
job, and in a provider's worker one for a lease and one for the work that led to each of its statements.
"""

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import lru_cache
from typing import Any, Final

from assay.schema import Envelope, Event

QUEUE_MAX: Final = 16_384
TRACED: Final = "-01"


class Telemetry:
    """Carries traces on, and exports spans if there is somewhere to send them."""

    def __init__(self, service: str, ratio: float, endpoint: str | None = None) -> None:
        self._ratio = ratio
        self._provider = _provider(service, endpoint) if endpoint else None
        self._tracer = self._provider.get_tracer("assay.runtime") if self._provider else None

    def carry(self, event: Event, parent: str | None = None) -> str:
        """The traceparent of a new event: below `parent` if that is of the same job, else the job's own."""
        trace, span, fraction = trace_of(getattr(event, "job_id", None) or event.about)
        if parent is not None and parent[3:35] == trace:
            return parent
        return f"00-{trace}-{span}-{'01' if fraction < self._ratio else '00'}"

    def is_traced(self, traceparent: str | None) -> bool:
        """Whether a span is to be made for an event that came with this traceparent."""
        return self._tracer is not None and traceparent is not None and traceparent.endswith(TRACED)

    def batch(self, stream: str, said: Sequence[Envelope[Any]]) -> AbstractContextManager[object]:
        """A span for a batch, linked to the traced events in it, if there are any."""
        traced = [envelope for envelope in said if self.is_traced(envelope.traceparent)]
        if self._tracer is None or not traced:
            return nullcontext()
        from opentelemetry.trace import Link

        links = [Link(_context(envelope.traceparent)) for envelope in traced]
        attributes = {"assay.stream": stream, "assay.events": len(said)}
        span: AbstractContextManager[object] = self._tracer.start_as_current_span(
            f"batch {stream}", links=links, attributes=attributes
        )
        return span

    @contextmanager
    def handled(self, said: Envelope[Any]) -> Iterator[str | None]:
        """A span for one handled event if it is traced; the traceparent of what follows from the event."""
        if self._tracer is None or not self.is_traced(said.traceparent):
            yield said.traceparent
            return
        attributes = {**_names(said.event), "assay.source": said.source}
        name, parent = f"on {said.event.type}", _below(said.traceparent)
        with self._tracer.start_as_current_span(name, parent, attributes=attributes) as span:
            yield _traceparent(span)

    @contextmanager
    def stretch(self, name: str, event: Event, above: str | None = None) -> Iterator[str]:
        """A span for as long as the block, if the event's job is traced: below `above` if that is of the same job,
        else below the job's root; the traceparent of what is done in it.
        """
        parent = self.carry(event, above)
        if self._tracer is None or not self.is_traced(parent):
            yield parent
            return
        with self._tracer.start_as_current_span(name, _below(parent), attributes=_names(event)) as span:
            yield _traceparent(span)

    def led_to(self, event: Event, above: str, since_ns: int) -> None:
        """Makes a span, if the event's job is traced, for the work since then that led to saying `event`."""
        if self._tracer is not None and self.is_traced(above):
            name, parent = f"to {event.type}", _below(above)
            self._tracer.start_span(name, parent, attributes=_names(event), start_time=since_ns).end()

    def close(self) -> None:
        """Sends what is still to be sent."""
        if self._provider is not None:
            self._provider.shutdown()


@lru_cache(maxsize=2048)
def trace_of(about: str) -> tuple[str, str, float]:
    """The trace of an aggregate: its id, its root span's id, and the fraction by which it is sampled."""
    digest = hashlib.blake2b(about.encode(), digest_size=24, person=b"assay.trace").digest()
    return digest[:16].hex(), digest[16:].hex(), int.from_bytes(digest[9:16]) / 2**56


def _names(event: Event) -> dict[str, str]:
    return {"assay.event": event.type, "assay.id": event.about}


def _traceparent(span: Any) -> str:
    place = span.get_span_context()
    return f"00-{place.trace_id:032x}-{place.span_id:016x}{TRACED}"


def _below(traceparent: str | None) -> Any:
    from opentelemetry.trace import NonRecordingSpan, set_span_in_context

    return set_span_in_context(NonRecordingSpan(_context(traceparent)))


def _context(traceparent: str | None) -> Any:
    from opentelemetry.trace import SpanContext, TraceFlags

    _, trace, span, flags = (traceparent or "").split("-")
    return SpanContext(int(trace, 16), int(span, 16), is_remote=True, trace_flags=TraceFlags(int(flags, 16)))


def _provider(service: str, endpoint: str) -> Any:
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    provider = TracerProvider(resource=Resource.create({"service.name": f"assay-{service}"}))
    # The processor drops what its queue cannot hold, and its own default is less than a burst of batches.
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=endpoint), max_queue_size=QUEUE_MAX))
    return provider
