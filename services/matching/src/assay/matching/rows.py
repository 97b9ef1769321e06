"""A job as the row that keeps it, and back."""

import json
from typing import Any, Final

from pydantic import TypeAdapter

from assay.matching.domain import Job, Lease, Spare
from assay.schema.job import JobSpec, JobState, LeaseShare
from assay.schema.lease import ResumePoint

SHARES: Final = TypeAdapter(tuple[LeaseShare, ...])


def columns_of(job: Job, now_ms: int) -> tuple[Any, ...]:
    """The values of a job's row that change, in the order of the statement that saves them."""
    return (
        job.job_id,
        job.state,
        job.is_withdrawn,
        job.fence,
        job.spent,
        job.price_max,
        job.resume.model_dump_json() if job.resume else None,
        SHARES.dump_json(job.past).decode(),
        json.dumps(dict(job.excluded)),
        json.dumps(job.faults),
        job.lease.lease_id if job.lease else None,
        json.dumps(job.reasons),
        now_ms,
    )


def job_of(row: Any) -> Job:
    """The job that a row holds, joined with that of its open lease."""
    return Job(
        job_id=row["job_id"],
        requester=row["requester"],
        spec=JobSpec.model_validate_json(row["spec"]),
        spec_digest=row["spec_digest"],
        price_limit=int(row["price_limit"]),
        deadline_ms=row["deadline_ms"],
        state=JobState(row["state"]),
        is_withdrawn=row["is_withdrawn"],
        fence=row["fence"],
        spent=int(row["spent"]),
        resume=_point(row["resume"]),
        past=SHARES.validate_json(row["past"]),
        excluded=json.loads(row["excluded"]),
        faults=tuple(json.loads(row["faults"])),
        reasons=tuple(json.loads(row["reasons"])),
        lease=_lease(row) if row["lease_id"] else None,
        spare=Spare(row["spare_id"], row["spare_provider"]) if row["spare_id"] else None,
    )


def _lease(row: Any) -> Lease:
    return Lease(
        lease_id=row["lease_id"],
        provider=row["provider"],
        fence=row["lease_fence"],
        mega_unit_price=int(row["mega_unit_price"]),
        first_segment=row["first_segment"],
        next_segment=row["next_segment"],
        point=_point(row["point"]),
        units=int(row["units"]),
        is_started=row["started_ms"] is not None,
    )


def _point(text: str | None) -> ResumePoint | None:
    return ResumePoint.model_validate_json(text) if text else None
