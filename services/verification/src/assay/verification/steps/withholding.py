"""What it costs to withhold again and again: a verifier is named to settlement, which accuses it."""

import logging

from assay.runtime import Unit
from assay.schema.beacon import BeaconWithheld
from assay.verification.domain.withholding import judge, named_of
from assay.verification.queries import withholding

log = logging.getLogger(__name__)


async def judge_misses(unit: Unit, now_ms: int) -> None:
    """Judge what was missed so long ago that it can be excused no more. One judges at a time."""
    for verifier in await withholding.suspects(unit.tx, now_ms):
        # First the lives, then the rows, as the handlers do.
        known = await withholding.misses_of(unit.tx, verifier)
        await unit.tx.life("beacon", [miss.beacon_id for miss in known if not miss.is_judged])
        found = judge(await withholding.misses_of(unit.tx, verifier), now_ms)
        await withholding.judged(unit.tx, found.judged)
        for incident in found.priced:
            named = named_of(incident)
            fact = {"beacon_id": named.beacon_id, "epoch_id": named.epoch_id, "verifier": verifier}
            event = BeaconWithheld(**fact, shares=len(incident), missed_ms=incident[0].missed_ms)
            unit.emission.add(event, named.beacon_id)
            log.warning("withheld again: %d shares", len(incident), extra={"verifier": verifier})
