"""The invariants held to the network that the tests share."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Final, Literal

import pytest
from tests.invariants import about, of, wrong_events, wrong_ledger, wrong_money, wrong_receipts
from tests.invariants_epochs import wrong_anchors, wrong_epochs
from tests.invariants_payment import unpaid, wrong_payments
from tests.invariants_replay import wrong_replay
from tests.network import Net

from assay.client.view import ENDS
from assay.schema.job import JobRefunded, JobSettled
from assay.schema.values import Role

LATE_S: Final = 120.0
"""A slash waits for an appeal, and for its turn among others of one key."""
LOOK_S: Final = 0.2
SETTLEMENT: Final = Role.SETTLEMENT.value


def resting(scope: Literal["function", "module"] = "function") -> Any:
    """A fixture that has the network come to rest after each test, or all of a file, and holds it to the invariants."""

    @pytest.fixture(autouse=True, scope=scope)
    async def at_rest(net: Net) -> AsyncIterator[None]:
        since = len(net.chronicle.said)
        yield
        fail_by(await wrong_since(net, since))

    return at_rest


def kept_books() -> Any:
    """A fixture that holds all books to one another after all tests of a file: what was wrong once stays so."""

    @pytest.fixture(autouse=True, scope="module")
    async def books(net: Net) -> AsyncIterator[None]:
        yield
        fail_by(await wrong_books(net))

    return books


async def check_at_rest(net: Net, since: int = 0) -> None:
    """Wait until every job that the chronicle says from `since` has ended, then hold the invariants.

    Fails with every sentence about what is wrong.
    """
    fail_by([*await wrong_since(net, since), *await wrong_books(net)])


def fail_by(faults: list[str]) -> None:
    """Fail by these sentences, if there are any."""
    if faults:
        pytest.fail("\n".join(faults))


async def wrong_since(net: Net, since: int) -> list[str]:
    """What is wrong, once all is at rest, with the jobs that were submitted since, and with everybody's money."""

    def begun() -> set[str]:
        return {said.event.about for said in net.chronicle.said[since:] if said.event.type == "job.submitted"}

    def all_ended() -> bool:
        return begun() <= {said.event.about for said in net.chronicle.said[since:] if said.event.type in ENDS}

    await net.chronicle.until(all_ended, "the end of every job", LATE_S)
    # The feed keeps the order of each stream, not of one among the others: the last words may be still on the way.
    await until_so(lambda: not wrong_history(net, begun()))
    await until_so(lambda: not is_anybody_owed(net))
    said = net.chronicle.said[since:]
    closings, operator = (*of(said, JobSettled), *of(said, JobRefunded)), net.devnet.bank.operator.address
    found = [*await wrong_holdings(net), *await wrong_receipts(net.assay, closings, operator)]
    return [*wrong_history(net, begun()), *found]


async def until_so(is_so: Callable[[], bool]) -> None:
    """Return once it is so, or after a while though it is not: each look takes the processor from those who work."""
    end_s = time.monotonic() + LATE_S
    while not is_so() and time.monotonic() < end_s:
        await asyncio.sleep(LOOK_S)


def is_anybody_owed(net: Net) -> bool:
    """Whether somebody has earned what was not paid out yet, by the public events."""
    return any(account.earned for account in net.chronicle.replay.accounts().values())


def last_ms(net: Net) -> int:
    """When settlement said something last: since then nothing has changed in its ledger."""
    return max((said.time_ms for said in net.chronicle.said if said.source == SETTLEMENT), default=0)


def wrong_history(net: Net, jobs: set[str]) -> list[str]:
    """What is wrong with all that was said of these jobs and of their epochs."""
    return [*wrong_events(about(net.chronicle.said, jobs)), *wrong_epochs(net.chronicle.said, jobs)]


async def wrong_holdings(net: Net) -> list[str]:
    """What is wrong with the money on chain, looked at again while somebody is still being paid."""

    async def look() -> list[str]:
        rows = await net.holdings()
        return [*wrong_money(net.devnet, rows, net.chronicle.said), *unpaid(rows)]

    return await faults_of(look)


async def wrong_books(net: Net) -> list[str]:
    """What is wrong between the public events, the chain and the services' books."""

    async def look() -> list[str]:
        said = list(net.chronicle.said)
        found = [*await wrong_payments(net.devnet, said), *await wrong_anchors(net.devnet, said)]
        return [*found, *await wrong_replay(net.devnet, said)]

    return [*await faults_of(look), *await wrong_ledger(net.devnet, last_ms(net))]


async def faults_of(look: Callable[[], Awaitable[list[str]]]) -> list[str]:
    """What is found wrong, looked for again for a while."""
    end_s = time.monotonic() + LATE_S
    while (faults := await look()) and time.monotonic() < end_s:
        await asyncio.sleep(LOOK_S)
    return faults
