"""What a provider offers, said anew in time, and whenever it holds other data sets."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from assay.execution import domain
from assay.execution.holding import held_data
from assay.execution.settings import Settings
from assay.runtime.outgoing import Outgoing
from assay.schema.attestation import PresentedReport
from assay.schema.values import Capacity, HeldData

LOOK_S: Final = 2.0
STATED: Final = ("slots", "memory_bytes", "input_bytes", "units_per_s")


@dataclass(frozen=True, slots=True)
class Offering:
    """The standing offer of a provider."""

    settings: Settings
    provider: str
    gpu: str | None
    report: PresentedReport | None
    outgoing: Outgoing
    now: Callable[[], int]

    async def run(self) -> None:
        """Keep the offer said until this is cancelled."""
        s = self.settings
        while True:
            held, now = held_data(s.private_dir), self.now()
            capacity = Capacity(gpu=self.gpu, **{name: getattr(s, name) for name in STATED})
            terms = (s.kinds, capacity, s.region, s.mega_unit_price, now + s.offer_s * 1000)
            self.outgoing.say(domain.offer(self.provider, now, *terms, self.report, held, s.spare, s.egress))
            await self._while_held(held, s.offer_s / 2)

    async def _while_held(self, held: tuple[HeldData, ...], at_most_s: float) -> None:
        """Wait until the offer is to be renewed: in time, or once other data sets are held."""
        for _ in range(max(1, round(at_most_s / LOOK_S))):
            await asyncio.sleep(min(LOOK_S, at_most_s))
            if held_data(self.settings.private_dir) != held:
                return
