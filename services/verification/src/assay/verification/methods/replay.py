"""Replay: a drawn segment is run again by a verifier that does not know the claim, and the two are compared.

Bit-equal agrees. Where another kernel rounds differently, the distance to the claimed state, in units of the segment's
own update, must stay within a tolerance: what was measured between the two classes of machines, and signed, else
TOLERANCE, the ceiling of float32, which is below the weakest cheat's distance (docs/adr/0006-numerics.md). Of answers
of the claim's own class bits are asked: `domain.classes` says how they decide.
"""

from typing import Final

from assay.proof.calibration import CEILINGS
from assay.schema.job import JobSpec
from assay.verification.methods.method import WITHIN, Before, Compared, Method, Replayer
from assay.workloads.errors import BadCheckpoint

TOLERANCE: Final = CEILINGS["float32"]
DISTANCE_MAX: Final = 1e30
"""What stands for infinity, which JSON lacks."""


async def compare(replayer: Replayer, spec: JobSpec, mine: bytes, theirs: bytes, before: Before) -> Compared:
    """Whether two checkpoints after the same segment are equal, or as near as honest machines are."""
    if mine == theirs:
        return Compared(True, "segment.equal", 0.0)
    try:
        distance = await replayer.distance(spec, mine, theirs, await before())
    except BadCheckpoint:
        return Compared(False, "segment.mismatch", DISTANCE_MAX)
    if distance == 0:
        return Compared(True, "segment.equal", 0.0)
    near = distance <= TOLERANCE
    return Compared(near, WITHIN if near else "segment.mismatch", min(distance, DISTANCE_MAX))


METHOD: Final = Method("replay", tier="V2", misses_ppm=1_000, compare=compare, in_class="class_replay")
