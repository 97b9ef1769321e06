"""How many statements a batch costs on the way of jobs: the fewer, the more jobs fit one database."""

import pytest
from services.matching.tests.desk import Desk
from services.matching.tests.samples import commits, executed, funded, listed, started, submitted
from tests.meter import Meter

from assay.schema.lease import LeaseGranted

pytestmark = pytest.mark.server

JOBS = 8
# An offer is kept, those who wait for it are looked for.
LISTED = 2


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
