"""The JetStream streams: few, plural, matched by the entity of the subject."""

from dataclasses import dataclass
from typing import Final

from assay.schema.event import PREFIX, Event

DAY_S: Final = 86_400
BLOB_AGE_S: Final = 60 * DAY_S
"""How long a blob is kept: twice as long as an order is good for. So the first checkpoint outlives its last audit."""
AUDIT_AGE_S: Final = 15 * DAY_S
"""How long after its deadline what a job reads and made may be asked for, by audits, courts and appeals."""


@dataclass(frozen=True, slots=True)
class Stream:
    """A stream: the entities whose events it holds, and for how long."""

    name: str
    entities: tuple[str, ...]
    max_age_s: int

    @property
    def subjects(self) -> list[str]:
        """The subject filters of the stream."""
        return [f"{PREFIX}.{entity}.>" for entity in self.entities]


DEAD: Final = Stream("DEAD", ("dead",), 90 * DAY_S)
STREAMS: Final[tuple[Stream, ...]] = (
    Stream("JOBS", ("job",), 30 * DAY_S),
    Stream("LEASES", ("lease", "spare", "voucher", "key"), 30 * DAY_S),
    Stream("OFFERS", ("offer", "challenge"), 7 * DAY_S),
    Stream("VERDICTS", ("verdict", "epoch", "beacon", "audit", "dispute", "verifier"), 30 * DAY_S),
    Stream("SETTLEMENT", ("stake", "slash", "payment", "account", "reward"), 30 * DAY_S),
    DEAD,
)


def stream_of(event: type[Event]) -> Stream:
    """The stream that holds an event. Raises LookupError if none does."""
    return next(s for s in STREAMS if event.entity() in s.entities)


def durable_of(service: str, stream: str) -> str:
    """The durable consumer through which a service reads a stream; its replicas share it."""
    return f"{service}-{stream.lower()}"


def dead_subject(service: str, event_type: str, event_id: str) -> str:
    """Where an event goes that a service can never handle."""
    return f"{PREFIX}.dead.{service}.{event_type}.{event_id}"
