"""What verification does when something happens: it remembers commitments, and opens audits when a job stops.

It does not hear how a lease ends: a commitment that is delivered again after the end, as after a crash, must count.
How many there are is said when the job stops.
"""

from assay.runtime import Handler
from assay.schema.errors import Retry
from assay.schema.event import Envelope, Event
from assay.schema.job import JobCancelled, JobExecuted, JobExpired, JobFailed, JobStopped
from assay.schema.lease import LeaseCommitted, LeaseGranted
from assay.verification import queries
from assay.verification.ports import Ports


async def on_lease_granted(said: Envelope[LeaseGranted], ports: Ports, now: int) -> list[Event]:
    """Keep the terms that the work is checked against."""
    await queries.remember_grant(ports.tx, said.event)
    return []


async def on_lease_committed(said: Envelope[LeaseCommitted], ports: Ports, now: int) -> list[Event]:
    """Keep what the provider is bound to."""
    await queries.remember_commit(ports.tx, said.event)
    return []


async def on_job_executed(said: Envelope[JobExecuted], ports: Ports, now: int) -> list[Event]:
    """Open an audit for each lease; the last one is bound to the result as well."""
    last = said.event.leases[-1].lease_id
    await _open(said, ports, is_executed=True, results={last: said.event.result})
    return []


async def on_job_stopped(said: Envelope[JobStopped], ports: Ports, now: int) -> list[Event]:
    """Open an audit for each lease of a job that ended early: what was done is checked, then paid."""
    await _open(said, ports, is_executed=False, results={})
    return []


async def _open(said: Envelope[JobStopped], ports: Ports, is_executed: bool, results: dict[str, str]) -> None:
    job = said.event
    shares = [share for share in job.leases if share.segments]
    known = await queries.count_commits(ports.tx, shares)
    missing = [share.lease_id for share in shares if known.get(share.lease_id, 0) < share.segments]
    if missing:
        raise Retry(f"Commitments of {', '.join(missing)} are not here yet.")
    await queries.remember_stop(ports.tx, job, is_executed, said.id, said.time_ms)
    await queries.open_audits(ports.tx, job.job_id, shares, results)
    ports.tx.on_commit(ports.ring)


HANDLERS: dict[type[Event], Handler] = {
    LeaseGranted: on_lease_granted,
    LeaseCommitted: on_lease_committed,
    JobExecuted: on_job_executed,
    JobFailed: on_job_stopped,
    JobExpired: on_job_stopped,
    JobCancelled: on_job_stopped,
}
