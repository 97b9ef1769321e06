"""How many statements a batch of leases costs."""

import pytest
from services.discovery.tests.desk import Desk
from services.discovery.tests.samples import called, ended, granted, staked
from tests.meter import Meter

pytestmark = pytest.mark.server

LEASES = 8


async def test_leases_cost_the_same_however_many_begin_and_end_in_a_batch(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    meter = Meter(monkeypatch)
    assert (await meter.cost(desk, [granted(1, lease) for lease in range(LEASES)]))[0] <= 1
    assert await desk.rows("select count(*) from hand") == [(LEASES,)]
    assert (await meter.cost(desk, [ended(1, lease) for lease in range(LEASES)]))[0] <= 1
    assert await desk.rows("select count(*) from hand") == [(0,)]


async def test_a_lease_that_begins_and_ends_in_one_batch_is_in_nobodys_hand(desk: Desk) -> None:
    await desk.tell(granted(1, 1), ended(1, 1), granted(1, 2))
    assert [lease for (lease,) in await desk.rows("select lease_id from hand")] == [granted(1, 2).lease_id]


async def test_a_challenge_counts_the_leases_of_its_own_batch(desk: Desk) -> None:
    await desk.tell(staked(), granted(1, 1), granted(1, 2))
    await desk.tell(ended(1, 1), granted(1, 3), granted(1, 4), called())
    assert await desk.rows("select busy_called from provider") == [(3,)]
