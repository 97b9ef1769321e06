"""What is made of nats-py's errors, and of a cancellation that nats-py loses."""

import asyncio

import pytest

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
