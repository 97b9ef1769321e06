"""What can be counted of a worker, for Prometheus."""

import prometheus_client as prometheus


class Gauges:
    """The worker's metrics."""

    def __init__(self) -> None:
        self.registry = prometheus.CollectorRegistry()
        self.leases = prometheus.Gauge("assay_worker_leases", "Leases in hand.", registry=self.registry)
        self.waiting = prometheus.Gauge(
            "assay_worker_journal_waiting", "Statements that the gateway has not taken.", registry=self.registry
        )

    def text(self) -> bytes:
        """All of them in Prometheus' form."""
        return prometheus.generate_latest(self.registry)
