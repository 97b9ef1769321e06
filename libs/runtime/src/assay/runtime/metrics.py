"""What can be counted of a service, for Prometheus."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final, Protocol

import prometheus_client as prometheus

from assay.schema import PREFIX


class Outcome(Protocol):
    """What the metrics need to know of a committed batch."""

    handled: list[str]
    behind: list[str]
    repeated: int
    handler_s: float


BATCHES: Final = (1, 2, 4, 8, 16, 32, 64, 128, 256)
SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


class Metrics:
    """The shell's metrics, and the place for a service's own."""

    def __init__(self) -> None:
        self.registry = prometheus.CollectorRegistry()
        self.consumed = self.counter("events_consumed", "Events handled.", "event")
        self.published = self.counter("events_published", "Events on the bus's disk.", "event")
        self.rejected = self.counter("events_rejected", "Events moved to the dead letters.", "event", "code")
        self.behind = self.counter("events_behind", "Events skipped for coming after what they lead to.", "event")
        self.repeated = self.counter("events_repeated", "Events that had been taken before.", "stream")
        self.retried = self.counter("events_retried", "Events sent back to come again.", "event", "code")
        self.timer_runs = self.counter("timer_runs", "Runs of a timer on this replica.", "timer")
        self.batch_size = self._histogram("batch_events", "Events in a batch.", BATCHES)
        self.handler_s = self._histogram("batch_handler_seconds", "Time in the handlers of a batch.", SECONDS)
        self.batch_s = self._histogram("batch_seconds", "Time from fetch to acknowledgement of a batch.", SECONDS)
        self.lag_s = self.gauge("lag_seconds", "Age of the oldest event of the last batch.", "stream")
        self.stream_full = self.gauge("stream_full_ratio", "What a stream holds of what it may.", "stream")
        self.outbox_rows = self.gauge("outbox_rows", "Events that wait to be published.")
        self.outbox_age_s = self.gauge("outbox_age_seconds", "Age of the oldest of them.")

    def counter(self, name: str, text: str, *labels: str) -> prometheus.Counter:
        """A counter `assay_<name>_total`."""
        return prometheus.Counter(f"{PREFIX}_{name}", text, labels, registry=self.registry)

    def gauge(self, name: str, text: str, *labels: str) -> prometheus.Gauge:
        """A gauge `assay_<name>`."""
        return prometheus.Gauge(f"{PREFIX}_{name}", text, labels, registry=self.registry)

    def handled(self, stream: str, outcome: Outcome) -> None:
        """Counts a committed batch."""
        self._count(self.consumed, outcome.handled)
        self._count(self.behind, outcome.behind)
        self.repeated.labels(stream).inc(outcome.repeated)
        self.handler_s.labels(stream).observe(outcome.handler_s)

    def settled(self, stream: str, events: int, seconds: float) -> None:
        """Counts a fetched batch, whatever became of it."""
        self.batch_size.labels(stream).observe(events)
        self.batch_s.labels(stream).observe(seconds)

    def lag(self, stream: str, lag_ms: int) -> None:
        """How far the service is behind the events it hears."""
        self.lag_s.labels(stream).set(max(lag_ms, 0) / 1000)

    def sent(self, subjects: Iterable[str]) -> None:
        """Counts what the bus has on its disk, by the event that the subject names."""
        self._count(self.published, (".".join(subject.split(".")[1:3]) for subject in subjects))

    def text(self) -> bytes:
        """All of it in Prometheus' text form."""
        return prometheus.generate_latest(self.registry)

    def _count(self, counter: prometheus.Counter, names: Iterable[str]) -> None:
        for name, times in Counter(names).items():
            counter.labels(name).inc(times)

    def _histogram(self, name: str, text: str, buckets: Sequence[float]) -> prometheus.Histogram:
        return prometheus.Histogram(f"{PREFIX}_{name}", text, ("stream",), registry=self.registry, buckets=buckets)
