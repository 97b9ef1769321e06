"""The openings of a provider: of drawn segments whose job asks for their trace, it runs each again and signs the root.

What was drawn is in the journal until that is done, so a restart withholds nothing.
"""

import asyncio
import logging
from dataclasses import dataclass

from assay.execution.defending import CannotTrace, Past
from assay.runtime.outgoing import Outgoing
from assay.schema.epoch import DrawnSegment, EpochDrawn, EpochTraced
from assay.schema.errors import Refused
from assay.store.journal import Journal

METHOD = "trace"
TRIES = 5
AGAIN_S = 1.0

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Openings:
    """What a provider has drawn of its work, and opens."""

    journal: Journal
    past: Past
    outgoing: Outgoing

    def hear(self, drawn: EpochDrawn) -> bool:
        """Whether there is anything to be opened; it is kept then, and `act` is due."""
        if not any(self._is_asked(each) for each in drawn.drawn):
            return False
        self.journal.draws.note(drawn)
        return True

    async def act(self, drawn: EpochDrawn) -> None:
        """Open what is to be opened and was not."""
        said = [out.envelope.event for out in self.journal.said(drawn.epoch_id)]
        done = {(event.lease_id, event.segment) for event in said if isinstance(event, EpochTraced)}
        for each in drawn.drawn:
            if self._is_asked(each) and (each.lease_id, each.segment) not in done:
                await self._open(drawn, each)
        self.journal.draws.close(drawn.epoch_id)

    async def _open(self, drawn: EpochDrawn, each: DrawnSegment) -> None:
        for left in reversed(range(TRIES)):
            try:
                root, trace = await self.trace(each.lease_id, each.segment)
                break
            except (CannotTrace, Refused) as error:
                log.warning("a trace cannot be made: %s", error, extra={"lease": each.lease_id})
                if not left:
                    return
            await asyncio.sleep(AGAIN_S)
        names = {"epoch_id": drawn.epoch_id, "provider": drawn.provider, "number": drawn.number}
        self.outgoing.say(EpochTraced(**names, lease_id=each.lease_id, segment=each.segment, root=root, trace=trace))
        log.info("trace opened: segment %d", each.segment, extra={"lease": each.lease_id})

    async def trace(self, lease_id: str, segment: int) -> tuple[str, str]:
        """Root and blob of a segment's trace. Raises CannotTrace, Refused."""
        return await self.past.trace(lease_id, segment)

    def _is_asked(self, each: DrawnSegment) -> bool:
        granted = self.journal.lease(each.lease_id)
        return granted is not None and granted.spec.policy.method == METHOD
