"""What is made of nats-py's errors, and of a cancellation that nats-py loses."""

import asyncio

import pytest
from nats.errors import ConnectionClosedError, FlushTimeoutError

from assay.bus.core import CoreBus
from assay.bus.faults import typed_faults


async def exchange() -> None:
    """An exchange whose answer comes together with the cancellation, which is lost."""
    with typed_faults("a question"):
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            return


async def test_a_cancellation_that_comes_with_the_answer_is_not_lost() -> None:
    task = asyncio.create_task(exchange())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_whoever_cleans_up_after_a_cancellation_can_still_talk() -> None:
    said: list[str] = []

    async def work() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            with typed_faults("closing"):
                await asyncio.sleep(0)
            said.append("closed")

    task = asyncio.create_task(work())
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task])
    assert task.cancelled() and said == ["closed"]


class Mute:
    """A connection whose server says nothing any more."""

    is_connected, is_closed = True, False

    def __init__(self, fault: Exception) -> None:
        self._fault = fault

    async def flush(self) -> None:
        raise self._fault

    async def close(self) -> None:
        self.is_closed = True


@pytest.mark.parametrize("fault", [FlushTimeoutError(), ConnectionClosedError()])
async def test_whoever_leaves_a_mute_server_leaves_without_a_fault(fault: Exception) -> None:
    mute = Mute(fault)
    await CoreBus(mute).close()
    assert mute.is_closed
