"""Who may read which blob: what an event names is readable to whom it is told, and to nobody else but its owner.

A verifier sees the inputs of its audits and never what was claimed of them; a provider the inputs of its leases and
of the jobs that it is a spare of; a requester what was made for its jobs.
"""

from typing import Any, Final

from assay.schema.audit import AuditAssigned
from assay.schema.event import Event
from assay.schema.job import JobExecuted
from assay.schema.lease import LeaseCommitted, LeaseGranted
from assay.schema.spare import SpareAdvanced, SpareGranted
from assay.store import Transaction

# Of a commitment the event names the job, not its requester.
ADD: Final = """
insert into readable (digest, participant)
select distinct n.digest, coalesce(n.participant, j.requester)
from unnest($1::text[], $2::text[], $3::text[]) as n (digest, participant, job_id) left join job j using (job_id)
where coalesce(n.participant, j.requester) is not null order by 1, 2
on conflict do nothing
"""
MAY_READ: Final = """
select exists (select from readable where digest = $1 and participant = $2)
or exists (select from receipt where digest = $1)
"""

Named = tuple[str, str | None, str | None]


class Readers:
    """The readers of blobs within one transaction."""

    def __init__(self, tx: Transaction) -> None:
        self.tx = tx
        self._named: list[Named] = []

    def note(self, event: Event) -> None:
        """Lets whoever the event is told read the blobs that it names."""
        self._named += named_in(event)

    async def write(self) -> None:
        """Keeps what was noted."""
        if self._named:
            named, self._named = self._named, []
            await self.tx.execute(ADD, *map(list, zip(*named, strict=True)))

    async def may_read(self, digest: str, participant: str) -> bool:
        """Whether an event that was told to the participant names the blob, or it is a receipt."""
        return bool(await self.tx.fetchval(MAY_READ, digest, participant))


def named_in(event: Event) -> list[Named]:
    """The blobs that an event names: each with its reader, or with the job whose requester is its reader."""
    match event:
        case LeaseGranted() | SpareGranted():
            return to(event.provider, *event.spec.inputs, event.resume.checkpoint if event.resume else None)
        case SpareAdvanced(provider=provider, point=point):
            return to(provider, point.checkpoint)
        case AuditAssigned(verifier=verifier, spec=spec, checkpoint=checkpoint, claim=claim):
            return to(verifier, *spec.inputs, checkpoint, claim.shown if claim else None)
        case LeaseCommitted(checkpoint=checkpoint, job_id=job_id):
            return [(checkpoint, None, job_id)]
        case JobExecuted(requester=requester, result=result):
            return to(requester, result)
    return []


def to(reader: str, *digests: str | None) -> list[Any]:
    """These blobs, where there are any, for one reader."""
    return [(digest, reader, None) for digest in digests if digest]
