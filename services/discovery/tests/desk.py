"""Discovery over real Postgres, told events one by one."""

from collections.abc import Sequence
from typing import Any

from services.discovery.tests.samples import NOW_MS, provider_of
from tests import desk

from assay.discovery.main import service
from assay.discovery.settings import Settings
from assay.schema import Event


class Desk(desk.Desk):
    """One replica of discovery."""

    @classmethod
    async def open(cls, dsn: str, **settings: Any) -> "Desk":
        """A replica over the database at `dsn`, migrated."""
        return await cls.of(service(), Settings(postgres_dsn=dsn, **settings), NOW_MS)

    async def watch(self) -> list[Event]:
        """What the timer says, at its time."""
        return await self.tick("watch")

    async def pass_ms(self, ms: int, heard: Sequence[int] = (), pulse: bool = True) -> None:
        """Lets time pass, at whose end these providers are heard; the gateway's pulse comes each second."""
        end_ms = Desk.now_ms + ms
        while Desk.now_ms < end_ms:
            Desk.now_ms = min(end_ms, Desk.now_ms + 1_000)
            if pulse:
                self.ports.pulse.beat(Desk.now_ms)
        async with self.ctx.unit() as unit:
            await unit.ports.registry.heard({provider_of(number): Desk.now_ms for number in heard})
