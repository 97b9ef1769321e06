"""Matching over real Postgres, told events one by one."""

import asyncio
from collections.abc import Sequence

from services.matching.tests.samples import NOW_MS
from tests import desk
from tests.desk import types

from assay.matching.liveness import Liveness
from assay.matching.main import service
from assay.matching.settings import Settings
from assay.schema import Event
from assay.schema.errors import Retry

__all__ = ["Desk", "patiently", "types"]


class Desk(desk.Desk):
    """One replica of matching."""

    @classmethod
    async def open(cls, dsn: str) -> "Desk":
        """A replica over the database at `dsn`, migrated."""
        return await cls.of(service(), Settings(postgres_dsn=dsn), NOW_MS)

    @property
    def liveness(self) -> Liveness:
        """What it knows of beats."""
        liveness: Liveness = self.ports.liveness
        return liveness

    def pass_ms(self, ms: int, heard: Sequence[str] = (), leases: Sequence[str] = (), pulse: bool = True) -> None:
        """Lets time pass second by second, with the pulse and the beats of providers, the first of which has leases."""
        end_ms = Desk.now_ms + ms
        while Desk.now_ms < end_ms:
            Desk.now_ms = min(end_ms, Desk.now_ms + 1_000)
            if pulse:
                self.liveness.pulse(Desk.now_ms)
            for turn, provider in enumerate(heard):
                self.liveness.hear(provider, [] if turn else leases, Desk.now_ms)
        self.liveness.look(Desk.now_ms, self.ports.patience)


async def patiently(desk: Desk, *events: Event) -> list[Event]:
    """What matching says to a batch, tried again while another replica is in the way."""
    for _ in range(20):
        try:
            return await desk.tell(*events)
        except Retry:
            await asyncio.sleep(0)
    raise AssertionError("the batch was refused twenty times")
