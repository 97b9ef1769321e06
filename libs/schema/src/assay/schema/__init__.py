"""The language of Assay: every event, value, state table, stream and error. Pure; imports pydantic alone."""

from assay.schema import job, lease, offer, verdict
from assay.schema.event import EVENT_BYTES_MAX, PREFIX, REGISTRY, Envelope, Event, decode, event_class_of
from assay.schema.job import JOB_LIFE, JobState
from assay.schema.lease import LEASE_LIFE, LeaseState
from assay.schema.streams import STREAMS, Stream, durable_of, stream_of

LIVES = {life.entity: life for life in (JOB_LIFE, LEASE_LIFE)}

__all__ = [
    "EVENT_BYTES_MAX",
    "JOB_LIFE",
    "LEASE_LIFE",
    "LIVES",
    "PREFIX",
    "REGISTRY",
    "STREAMS",
    "Envelope",
    "Event",
    "JobState",
    "LeaseState",
    "Stream",
    "decode",
    "durable_of",
    "event_class_of",
    "job",
    "lease",
    "offer",
    "stream_of",
    "verdict",
]
