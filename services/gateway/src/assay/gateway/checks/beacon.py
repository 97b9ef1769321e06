"""Of a share of the beacon only the verifier speaks who was called: it commits when called, reveals when told,
and shows late what it missed."""

from typing import Final

from assay.gateway.claim import Claim, Desk
from assay.schema.beacon import BeaconCommitted, BeaconExcused, BeaconFact, BeaconRevealed, BeaconState
from assay.schema.errors import Refused
from assay.schema.event import Event

# What the verifier itself says between these is not heard here.
SPEAKS: Final[dict[type[Event], BeaconState]] = {
    BeaconCommitted: BeaconState.CALLED,
    BeaconRevealed: BeaconState.OPENED,
    BeaconExcused: BeaconState.MISSED,
}


async def check_beacon(claim: Claim, desk: Desk) -> None:
    """Raises Refused: beacon.unknown, beacon.over."""
    event = claim.event
    if not isinstance(event, BeaconFact):
        return
    held = desk.known.beacons.get(claim.about)
    if held is None or (held.verifier, held.epoch_id) != (claim.source, event.epoch_id):
        raise Refused("beacon.unknown")
    if held.state != SPEAKS[type(claim.event)]:
        raise Refused("beacon.over", f"It is {held.state}.")
