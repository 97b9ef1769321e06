"""The invariants held to the network that the tests share."""

import time
from contextlib import suppress

import pytest
from tests.invariants import ENDS, about, locked, of, wrong_events, wrong_ledger, wrong_money, wrong_receipts
from tests.network import Net

from assay.schema.job import JobRefunded, JobSettled

LATE_S = 15.0


async def check_at_rest(net: Net, since: int = 0) -> None:
    """Wait until every job that the chronicle says from `since` has ended, then hold the invariants.

    Fails with every sentence about what is wrong.
    """

    def begun() -> set[str]:
        return {said.event.about for said in net.chronicle.said[since:] if said.event.type == "job.submitted"}

    def all_ended() -> bool:
        return begun() <= {said.event.about for said in net.chronicle.said if said.event.type in ENDS}

    await net.chronicle.until(all_ended, "the end of every job")
    # The feed keeps the order of each stream, not of one among the others: the last words may be still on the way.
    with suppress(pytest.fail.Exception):
        await net.chronicle.until(lambda: not wrong_events(about(net.chronicle.said, begun())), "all of it", LATE_S)
    said = list(net.chronicle.said)
    closings = (*of(said[since:], JobSettled), *of(said[since:], JobRefunded))
    faults = [
        *wrong_events(about(said, begun())),
        *await wrong_money(net.devnet, locked(said)),
        *await wrong_ledger(net.devnet, time.time_ns() // 1_000_000),
        *await wrong_receipts(net.assay, closings, net.devnet.bank.operator.address),
    ]
    if faults:
        pytest.fail("\n".join(faults))
