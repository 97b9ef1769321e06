"""How a job's measurements went, by how far it was: what statements of progress and closed segments say. Pure.

The place is a number of segments, so that every kind of work has it. What a later lease does again stands instead of
what the earlier one said.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from assay.schema.event import Event
from assay.schema.lease import LeaseCommitted, LeaseProgressed

LAST: Final = "loss_last"
LOSS: Final = "loss"
HELDOUT: Final = "heldout_loss"
SHOWN: Final = {LOSS: "loss", HELDOUT: "held-out loss"}

Points = list[tuple[float, float]]


@dataclass
class Curve:
    """What was measured at each place."""

    measured: dict[str, dict[float, float]] = field(default_factory=dict)

    def hear(self, event: Event) -> None:
        """Add what an event says; most say nothing."""
        if isinstance(event, LeaseProgressed):
            self._add(event.segment + event.done / event.total, event.metrics)
        if isinstance(event, LeaseCommitted):
            # A segment's loss is its mean; where it ends, its last one stands.
            self._add(event.segment + 1, event.metrics | {LOSS: event.metrics.get(LAST, event.metrics.get(LOSS))})

    def points(self, name: str) -> Points:
        """The values of one measurement in the order of their places."""
        return sorted(self.measured.get(name, {}).items())

    def latest(self) -> dict[str, float]:
        """The last value of each measurement."""
        return {name: values[max(values)] for name, values in self.measured.items()}

    def _add(self, place: float, metrics: Mapping[str, float | None]) -> None:
        for name, value in metrics.items():
            if value is not None:
                self.measured.setdefault(name, {})[place] = value
