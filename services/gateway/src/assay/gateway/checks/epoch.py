"""Of an epoch only its provider speaks, between its draw and its opening."""

from assay.gateway.claim import Claim, Desk
from assay.schema.epoch import EpochFact, EpochState, epoch_id_of
from assay.schema.errors import Refused


async def check_epoch(claim: Claim, desk: Desk) -> None:
    """Raises Refused: epoch.unknown, epoch.over."""
    event = claim.event
    if not isinstance(event, EpochFact):
        return
    state = desk.known.epochs.get(claim.about)
    if state is None or claim.about != epoch_id_of(claim.source, event.number):
        raise Refused("epoch.unknown")
    if state != EpochState.DRAWN:
        raise Refused("epoch.over", f"It is {state}.")
