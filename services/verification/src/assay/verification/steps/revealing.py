"""The shares of an epoch once its block is known: asked for and combined; who withholds one is named and rests."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass

from assay.proof.beacon import Pulse, assemble
from assay.runtime import Unit
from assay.schema.beacon import UNREVEALED, BeaconMissed, BeaconOpened, BeaconRevealed, RevealedShare, beacon_fact
from assay.schema.event import Envelope
from assay.verification.domain.sharing import Share, counted_of, reveals_of
from assay.verification.queries import beacons, verifiers, withholding
from assay.verification.queries.epochs import Kept

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Shared:
    """An epoch's beacon, the shares that count in it, and whose are missing."""

    beacon: bytes
    revealed: tuple[RevealedShare, ...]
    missing: tuple[str, ...]


def share_in(epoch: Kept, said: Envelope[BeaconRevealed]) -> RevealedShare | None:
    """The share that a reveal makes; None if it is not what was committed, or not over the epoch's block."""
    if epoch.beacon_block is None or epoch.beacon_hash is None:
        return None
    return counted_of(said, epoch.closed, Pulse(epoch.beacon_block, epoch.beacon_hash))


async def open_shares(unit: Unit, epoch: Kept, pulse: Pulse, due_ms: int) -> None:
    """Have everybody reveal who is bound, over this block."""
    await beacons.open_shares(unit.tx, epoch.closed.epoch_id, pulse, due_ms)
    for share in epoch.closed.shares:
        fact = beacon_fact(epoch.closed.epoch_id, share.verifier)
        opened = BeaconOpened(**fact, block=pulse.round, block_hash=pulse.value.hex())
        unit.emission.add(opened, opened.beacon_id)


async def combine_shares(unit: Unit, epoch: Kept, now_ms: int) -> Shared:
    """The epoch's beacon; the lives of its shares are locked."""
    assert epoch.beacon_hash is not None
    shares = await beacons.shares_of(unit.tx, epoch.closed.epoch_id)
    revealed = sorted((s.revealed for s in shares if s.revealed), key=lambda share: share.verifier)
    committed = {share.verifier: share.commit for share in epoch.closed.shares}
    combined = assemble(epoch.closed.epoch_id, epoch.beacon_hash, committed, reveals_of(revealed))
    await _name(unit, epoch, [share for share in shares if share.verifier in combined.missing], now_ms)
    await beacons.appear(unit.tx, combined.revealed)
    counted = tuple(share for share in revealed if share.verifier in combined.revealed)
    return Shared(combined.value, counted, combined.missing)


async def _name(unit: Unit, epoch: Kept, missing: Sequence[Share], now_ms: int) -> None:
    """Name who was bound and did not reveal it: it rests, and is called no more if that happens again and again."""
    if not missing:
        return
    names = [share.verifier for share in missing]
    missed = [share.beacon_id for share in missing]
    await withholding.note(unit.tx, missed, now_ms)
    await beacons.miss(unit.tx, missed)
    await verifiers.rest(unit.tx, names, now_ms)
    await beacons.withhold(unit.tx, names, now_ms)
    for share in missing:
        code = "beacon.false_reveal" if share.state == "false" else UNREVEALED
        fact = beacon_fact(epoch.closed.epoch_id, share.verifier)
        unit.emission.add(BeaconMissed(**fact, code=code), share.beacon_id)
        log.warning("share missed: %s", code, extra={"epoch": epoch.closed.epoch_id, "verifier": share.verifier})
