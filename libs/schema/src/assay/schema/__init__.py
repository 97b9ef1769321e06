"""The language of Assay: every event, value, state table, stream and error. Pure; imports pydantic alone."""

from assay.schema import (
    audit,
    beacon,
    challenge,
    dispute,
    epoch,
    job,
    key,
    lease,
    offer,
    payment,
    reward,
    slash,
    spare,
    verdict,
    voucher,
)
from assay.schema.audit import AUDIT_LIFE, AuditState
from assay.schema.beacon import BEACON_LIFE, BeaconState
from assay.schema.challenge import CHALLENGE_LIFE, ChallengeState
from assay.schema.dispute import DISPUTE_LIFE, DisputeState
from assay.schema.epoch import EPOCH_LIFE, EpochState
from assay.schema.event import EVENT_BYTES_MAX, PREFIX, REGISTRY, Envelope, Event, decode, event_class_of
from assay.schema.job import JOB_LIFE, JobState
from assay.schema.lease import LEASE_LIFE, LeaseState
from assay.schema.spare import SPARE_LIFE, SpareState
from assay.schema.streams import STREAMS, Stream, durable_of, stream_of

LIVES = {
    life.entity: life
    for life in (JOB_LIFE, LEASE_LIFE, SPARE_LIFE, EPOCH_LIFE, AUDIT_LIFE, BEACON_LIFE, DISPUTE_LIFE, CHALLENGE_LIFE)
}

__all__ = [
    "AUDIT_LIFE",
    "BEACON_LIFE",
    "CHALLENGE_LIFE",
    "DISPUTE_LIFE",
    "EPOCH_LIFE",
    "EVENT_BYTES_MAX",
    "JOB_LIFE",
    "LEASE_LIFE",
    "LIVES",
    "PREFIX",
    "REGISTRY",
    "SPARE_LIFE",
    "STREAMS",
    "AuditState",
    "BeaconState",
    "ChallengeState",
    "DisputeState",
    "Envelope",
    "EpochState",
    "Event",
    "JobState",
    "LeaseState",
    "SpareState",
    "Stream",
    "audit",
    "beacon",
    "challenge",
    "decode",
    "dispute",
    "durable_of",
    "epoch",
    "event_class_of",
    "job",
    "key",
    "lease",
    "offer",
    "payment",
    "reward",
    "slash",
    "spare",
    "stream_of",
    "verdict",
    "voucher",
]
