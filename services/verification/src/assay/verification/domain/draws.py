"""The draw: which segments of an epoch are audited, known to nobody before the beacon, repeated by anyone after. Pure.

As many segments are drawn from the whole epoch as the policy says. A job that asks for more than the default has
so many drawn from its own segments besides, by the same seed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from assay.proof import epoch
from assay.proof.epoch import Range
from assay.proof.policy import TIERS, Reputation, Terms, choose
from assay.schema.epoch import DrawnSegment
from assay.schema.values import Digest, Policy

BEACON_BLOCKS: Final = 2
"""So many blocks after the anchor comes the one whose hash is the beacon."""
SEGMENTS_DEFAULT: Final = Policy().audit_segments
DRAWN_MAX: Final = 512
REPLAYS: Final = tuple(tier for tier in TIERS if tier.name in ("class_replay", "tolerance"))
"""The tiers that the verifiers here work by."""


@dataclass(frozen=True, slots=True)
class Draw:
    """What is checked, and what that follows from."""

    block: int
    beacon: Digest
    seed: Digest
    segments: tuple[DrawnSegment, ...]


def draw_segments(
    block: int,
    block_hash: bytes,
    root: Digest,
    provider: str,
    number: int,
    ranges: Mapping[str, Sequence[Range]],
    asked: Mapping[str, int],
    k: int,
) -> Draw:
    """The draw from an epoch: `ranges` are its parts by job, `asked` what each job's policy asks for."""
    beacon = epoch.combine(block_hash, [])
    seed = epoch.seed(beacon, root, provider, number)
    whole = [range_ for job in ranges for range_ in ranges[job]]
    drawn = set(epoch.draw(seed, whole, k))
    for job in sorted(ranges):
        # All that it asked for, not what is over the default: the two draws may meet.
        if asked[job] > SEGMENTS_DEFAULT:
            drawn |= set(epoch.draw(seed, ranges[job], min(asked[job], DRAWN_MAX)))
    segments = tuple(DrawnSegment(lease_id=lease, segment=segment) for lease, segment in sorted(drawn)[:DRAWN_MAX])
    return Draw(block, beacon.hex(), seed, segments)


def count_of(segments: int, pay: int, passed_epochs: int) -> int:
    """How many segments the policy has drawn from a provider's epoch, whose pay is in escrow, in base units.

    The provider's stake is in another token, so the pay alone must deter; it is a newcomer until epochs have passed.
    """
    plan = choose(Terms(segments, pay, stake=0), Reputation(passed_epochs), tiers=REPLAYS)
    return min(plan.chosen.k, segments, DRAWN_MAX)
