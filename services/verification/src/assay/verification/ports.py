"""What verification's handlers may reach."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from assay.schema.event import Envelope, Event
from assay.schema.job import JobStopped
from assay.schema.lease import LeaseCommitted, LeaseGranted
from assay.store import Transaction
from assay.verification.bells import Bells
from assay.verification.queries import cases


@dataclass(frozen=True, slots=True)
class Ports:
    """The transaction that the runtime opened, and the bells. What handlers keep is gathered, and written at once.

    `commits` counts, of each lease of the jobs that stop, the commitments that are known.
    """

    tx: Transaction
    bells: Bells
    granted: list[LeaseGranted] = field(default_factory=list)
    committed: list[Envelope[LeaseCommitted]] = field(default_factory=list)
    stopped: list[cases.Stopped] = field(default_factory=list)
    commits: dict[str, int] = field(default_factory=dict)

    async def write(self) -> None:
        """Keep what was gathered."""
        if self.granted:
            await cases.remember_grants(self.tx, self.granted)
            self.granted.clear()
        if self.committed:
            await cases.remember_commits(self.tx, self.committed)
            self.committed.clear()
        if self.stopped:
            await cases.remember_stops(self.tx, self.stopped)
            self.stopped.clear()

    async def count(self, jobs: Iterable[JobStopped]) -> None:
        """Count what is known of the work of these jobs."""
        if shares := [share for job in jobs for share in cases.shares_of(job)]:
            self.commits.update(await cases.count_commits(self.tx, shares))


async def prepare(ports: Ports, events: Sequence[Event]) -> None:
    """Count what is known of the work of the jobs that stop in a batch."""
    stopped: list[Any] = [event for event in events if isinstance(event, JobStopped)]
    await ports.count(stopped)


async def flush(ports: Ports) -> None:
    """Write what the handlers of a transaction have gathered."""
    await ports.write()
