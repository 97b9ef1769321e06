"""How many statements a batch costs on the way of jobs: the fewer, the more jobs fit one database."""

from collections.abc import Sequence

import pytest
from services.matching.tests.desk import Desk
from services.matching.tests.samples import commits, executed, funded, listed, started, submitted

from assay.schema.event import Event
from assay.schema.lease import LeaseGranted
from assay.store import Transaction

pytestmark = pytest.mark.server

JOBS = 8
# An offer is kept, those who wait for it are looked for.
LISTED = 2


class Meter:
    """Counts the statements of handlers; those of the shell go another way."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.count = 0
        for name in ("fetch", "fetchrow", "fetchval", "execute"):
            self._count(monkeypatch, name)

    def _count(self, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
        plain = getattr(Transaction, name)

        async def counted(tx: Transaction, sql: str, *args: object) -> object:
            # The desk of these tests reads what was said.
            self.count += "from outbox" not in sql
            return await plain(tx, sql, *args)

        monkeypatch.setattr(Transaction, name, counted)

    async def cost(self, desk: Desk, events: Sequence[Event]) -> tuple[int, list[Event]]:
        """What a batch costs, and what is said to it."""
        self.count = 0
        said = await desk.tell(*events)
        return self.count, said


async def test_a_batch_costs_the_same_however_many_jobs_are_in_it(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    meter, numbers = Meter(monkeypatch), range(JOBS)
    assert (await meter.cost(desk, [listed(1, slots=2 * JOBS)]))[0] <= LISTED
    assert (await meter.cost(desk, [submitted(number) for number in numbers]))[0] <= 1
    cost, said = await meter.cost(desk, [funded(number) for number in numbers])
    grants = [event for event in said if isinstance(event, LeaseGranted)]
    # Jobs, offers and slots are read; leases and jobs are written.
    assert cost <= 5 and len(grants) == JOBS
    assert (await meter.cost(desk, [started(grant) for grant in grants]))[0] <= 3
    made = {grant.lease_id: commits(grant, 4) for grant in grants}
    told = [commit for commits_ in made.values() for commit in commits_]
    assert (await meter.cost(desk, told))[0] <= 3
    cost, said = await meter.cost(desk, [executed(grant, made[grant.lease_id]) for grant in grants])
    # Jobs, offers and those who wait are read; leases and jobs are written.
    assert cost <= 5 and len(said) == JOBS
