"""What a network says in public, as it comes: read as any observer could."""

import asyncio
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

import pytest

from assay.client.sdk import Assay
from assay.proof.replay import Replay
from assay.schema.audit import AuditPaid
from assay.schema.event import Envelope, Event
from assay.schema.job import JobRefunded, JobSettled

WITHIN_S: Final = 240.0
LAST: Final = 24
"""So many of the last events about jobs are told where something was awaited in vain."""
CHARGING: Final = (JobSettled, JobRefunded, AuditPaid)


def told(said: Envelope[Event]) -> str:
    """What was said when, of what, and why if it tells."""
    return " ".join([str(said.time_ms), said.event.type, said.event.about, getattr(said.event, "code", "")]).rstrip()


@dataclass
class Chronicle:
    """The public events of a network, as they come, each once: all, by job, those that charge, and what all come to."""

    said: list[Envelope[Event]] = field(default_factory=list)
    by_job: defaultdict[str | None, list[Envelope[Event]]] = field(default_factory=lambda: defaultdict(list))
    charging: list[Event] = field(default_factory=list)
    replay: Replay = field(default_factory=Replay)
    grown: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def follow(self, assay: Assay) -> None:
        """Write down what happens, for ever."""
        async for envelope in assay.events():
            async with self.grown:
                self.said.append(envelope)
                self.by_job[getattr(envelope.event, "job_id", None)].append(envelope)
                if isinstance(envelope.event, CHARGING):
                    self.charging.append(envelope.event)
                self.replay.take(envelope.event)
                self.grown.notify_all()

    async def until(self, is_so: Callable[[], Any], what: str, within_s: float = WITHIN_S, job_id: str = "") -> Any:
        """What `is_so` gives once it is true of what was said; fails with `what` was awaited, of a job or of any."""
        try:
            async with asyncio.timeout(within_s), self.grown:
                return await self.grown.wait_for(is_so)
        except TimeoutError:
            jobs = self.of(job_id) if job_id else [said for said in self.said if getattr(said.event, "job_id", None)]
            last = [told(said) for said in jobs[-LAST:]]
            pytest.fail(f"not within {within_s:g} s: {what}; last was said: {last}")

    def of(self, job_id: str) -> list[Envelope[Event]]:
        """What was said of a job and its leases."""
        return self.by_job[job_id]
