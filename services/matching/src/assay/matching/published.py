"""The events that matching says."""

from typing import Final

from assay.schema.event import Event
from assay.schema.job import (
    JobCancelled,
    JobExecuted,
    JobExpired,
    JobFailed,
    JobInterrupted,
    JobMatched,
    JobStarted,
    JobWaiting,
)
from assay.schema.lease import LeaseGranted, LeaseLapsed
from assay.schema.spare import SpareAdvanced, SpareEnded, SpareGranted

PUBLISHED: Final[tuple[type[Event], ...]] = (
    LeaseGranted,
    LeaseLapsed,
    JobWaiting,
    JobMatched,
    JobStarted,
    JobInterrupted,
    JobExecuted,
    JobFailed,
    JobExpired,
    JobCancelled,
    SpareGranted,
    SpareAdvanced,
    SpareEnded,
)
