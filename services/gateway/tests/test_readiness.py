"""The gateway says that it is ready once participants are heard, and not before."""

import asyncio
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from services.gateway.tests.conftest import PAYMENT

from assay.bus.memory import MemoryBus
from assay.bus.memory_core import Hearer
from assay.bus.port import OnMessage
from assay.chain.values import Deployment
from assay.gateway.main import service
from assay.gateway.settings import Settings
from assay.runtime.metrics import Metrics
from assay.schema.errors import Unreachable


class Slow(MemoryBus):
    """A bus that opens its last way in when it is let."""

    def __init__(self) -> None:
        super().__init__()
        self.asked, self.let = asyncio.Event(), asyncio.Event()

    async def listen(self, subject: str, on: OnMessage, queue: str = "") -> Hearer:
        """Hear what is said, later."""
        self.asked.set()
        await self.let.wait()
        return await super().listen(subject, on, queue)


def no_tables() -> None:
    raise Unreachable("no tables")


@pytest.fixture
def context(tmp_path: Path) -> Any:
    """What the door needs of its shell."""
    places = {"payment": PAYMENT} | dict.fromkeys(("stable", "native", "pool", "anchors", "judge", "challenges"), "0x0")
    Deployment(chain_id=31337, deployed_block=0, **places).save(tmp_path / "deployment.json")
    settings = Settings(postgres_dsn="none", deployment_file=tmp_path / "deployment.json")
    parts = {"bus": Slow(), "metrics": Metrics(), "stopping": asyncio.Event(), "unit": no_tables}
    return SimpleNamespace(settings=settings, now=lambda: 0, **parts)


async def test_it_is_ready_while_its_door_is_open_and_at_no_other_time(context: Any) -> None:
    gateway = service()
    assert gateway.problem
    keeping = asyncio.create_task(gateway.tasks[0](context))
    await context.bus.asked.wait()
    assert await gateway.problem(context) == "the door is shut"
    context.bus.let.set()
    async with asyncio.timeout(60):
        while await gateway.problem(context):
            await asyncio.sleep(0)
    context.stopping.set()
    await keeping
    assert await gateway.problem(context) == "the door is shut"


async def test_no_pulse_proves_a_way_that_is_not_open(context: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    pulses: list[object] = []

    async def pulse(ctx: object) -> None:
        pulses.append(ctx)

    monkeypatch.setattr("assay.gateway.door.pulse", pulse)
    keeping = asyncio.create_task(service().tasks[0](context))
    await context.bus.asked.wait()
    assert not pulses
    context.bus.let.set()
    async with asyncio.timeout(60):
        while not pulses:
            await asyncio.sleep(0)
    context.stopping.set()
    await keeping
