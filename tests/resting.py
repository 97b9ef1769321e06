"""The invariants held to the network that the tests share."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any, Literal

import pytest
from tests.invariants import about, of, wrong_events, wrong_ledger, wrong_money, wrong_receipts
from tests.invariants_epochs import wrong_anchors, wrong_epochs
from tests.invariants_payment import wrong_payments
from tests.invariants_replay import wrong_replay
from tests.network import Net

from assay.client.view import ENDS
from assay.schema.job import JobRefunded, JobSettled

LATE_S = 120.0
"""A slash waits for an appeal, and for its turn among others of one key."""


def resting(scope: Literal["function", "module"] = "function") -> Any:
    """A fixture that checks the invariants after each test, or after all of a file."""

    @pytest.fixture(autouse=True, scope=scope)
    async def at_rest(net: Net) -> AsyncIterator[None]:
        since = len(net.chronicle.said)
        yield
        await check_at_rest(net, since)

    return at_rest


async def check_at_rest(net: Net, since: int = 0) -> None:
    """Wait until every job that the chronicle says from `since` has ended, then hold the invariants.

    Fails with every sentence about what is wrong.
    """

    def begun() -> set[str]:
        return {said.event.about for said in net.chronicle.said[since:] if said.event.type == "job.submitted"}

    def all_ended() -> bool:
        return begun() <= {said.event.about for said in net.chronicle.said[since:] if said.event.type in ENDS}

    await net.chronicle.until(all_ended, "the end of every job")
    # The feed keeps the order of each stream, not of one among the others: the last words may be still on the way.
    with suppress(pytest.fail.Exception):
        await net.chronicle.until(lambda: not wrong_history(net, begun()), "all of it", LATE_S)
    said = list(net.chronicle.said)
    closings = (*of(said[since:], JobSettled), *of(said[since:], JobRefunded))
    faults = [
        *wrong_history(net, begun()),
        *await wrong_accounts(net),
        *await wrong_ledger(net.devnet, time.time_ns() // 1_000_000),
        *await wrong_receipts(net.assay, closings, net.devnet.bank.operator.address),
    ]
    if faults:
        pytest.fail("\n".join(faults))


def wrong_history(net: Net, jobs: set[str]) -> list[str]:
    """What is wrong with all that was said of these jobs and of their epochs."""
    return [*wrong_events(about(net.chronicle.said, jobs)), *wrong_epochs(net.chronicle.said, jobs)]


async def wrong_accounts(net: Net) -> list[str]:
    """What is wrong with the money on chain, looked at again while somebody is still being paid."""
    end_s = time.monotonic() + LATE_S
    while True:
        said, rows = list(net.chronicle.said), await net.holdings()
        faults = [*wrong_money(net.devnet, rows, said), *await wrong_payments(net.devnet, rows, said)]
        faults += await wrong_anchors(net.devnet, said)
        faults += [] if faults else await wrong_replay(net.devnet, said)
        if not faults or time.monotonic() > end_s:
            return faults
        await asyncio.sleep(0.2)
