"""What the shell measures besides events."""

from collections.abc import Iterable

import pytest
from libs.runtime.tests.toy import Toy, until

from assay.bus.memory import MemoryBus
from assay.runtime import shell
from assay.schema.streams import DEAD

pytestmark = pytest.mark.server


async def test_the_stream_of_dead_letters_is_measured_with_those_that_are_published_to(
    toy: Toy, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Filling(MemoryBus):
        async def fullness(self, streams: Iterable[str]) -> dict[str, float]:
            return {name: 0.9 if name == DEAD.name else 0.5 for name in streams}

    monkeypatch.setattr(shell, "STREAMS_EVERY_S", 0.01)
    bus = Filling()
    await bus.ensure_streams()
    ctx = await toy.context(bus)

    async def measured() -> list[tuple[str, float]]:
        found = [sample for family in ctx.metrics.stream_full.collect() for sample in family.samples]
        return sorted((sample.labels["stream"], sample.value) for sample in found)

    async with toy.running(ctx):
        assert await until(measured, "a measurement") == [("DEAD", 0.9), ("JOBS", 0.5), ("LEASES", 0.5)]
