"""A challenge is answered by the provider who was called, once, and in time by the door's own clock."""

from assay.gateway.claim import Claim, Desk
from assay.schema.challenge import ChallengeFact, ChallengeState
from assay.schema.errors import Refused


async def check_challenge(claim: Claim, desk: Desk) -> None:
    """Raises Refused: challenge.unknown, challenge.over."""
    if not isinstance(claim.event, ChallengeFact):
        return
    held = desk.known.challenges.get(claim.about)
    if held is None or held.provider != claim.source:
        raise Refused("challenge.unknown")
    if held.state != ChallengeState.CALLED:
        raise Refused("challenge.over", f"It is {held.state}.")
    if desk.now_ms > held.due_ms:
        raise Refused("challenge.over", f"It was due {desk.now_ms - held.due_ms} ms ago.")
