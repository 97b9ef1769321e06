"""The committee: what verifiers come to who each measured one operator of a committed trace. Pure.

Ordinary kernels round differently on honest machines, so that no element can be judged alone. Each member measures how
far the committed output lies from what follows of the committed inputs, in thousandths of honest noise: products by
Freivalds, with a vector of its own, all else by computing it again. What lies between honest noise and the bound proves
nobody wrong (docs/adr/0038-committee.md).
"""

from collections.abc import Sequence
from typing import Final

from blake3 import blake3

from assay.proof.recount import CLAIM
from assay.schema.dispute import Committee, DisputeOutcome, Sitting
from assay.schema.values import Digest

SIZE: Final = 5
LEAST: Final = 3
"""So many members decide at least; fewer are no committee."""
WITHIN_MILLI: Final = 1_000
"""What is no further off is honest noise: half the limit of the check, no less than the worst that was measured."""
BEYOND_MILLI: Final = 2 * WITHIN_MILLI
"""What is further off is false. One vector of Freivalds' shows an element at most twice as large as another does."""
NOISE_MAX: Final = 10**9
BETWEEN: Final = 2**31 - 2
"""The group of members whose measurement proves nothing."""
SITTING, LOOK = b"assay.committee.sitting.1", b"assay.committee.look.1"


def count(milli: Sequence[int]) -> DisputeOutcome:
    """What the members' measurements come to: most of them, three at least, must lie on one side."""
    most = max(LEAST, len(milli) // 2 + 1)
    if sum(each > BEYOND_MILLI for each in milli) >= most:
        return DisputeOutcome.WORKER_FAULT
    is_within = sum(each <= WITHIN_MILLI for each in milli) >= most
    return DisputeOutcome.CHALLENGER_FAULT if is_within else DisputeOutcome.NUMERIC_TIE


def group_of_noise(milli: int, beyond: int) -> int:
    """The group of answers that a measurement is of; `beyond` is that of those who find the operator false."""
    if milli <= WITHIN_MILLI:
        return CLAIM
    return beyond if milli > BEYOND_MILLI else BETWEEN


def sitting_seed(block_hash: Digest, seed: Digest, question_id: str) -> Digest:
    """What draws a committee: a block after the contest, with the epoch's seed and the question."""
    return blake3(SITTING + bytes.fromhex(block_hash) + bytes.fromhex(seed) + question_id.encode()).hexdigest()


def look_seed(sitting: Digest, verifier: str) -> Digest:
    """What draws the vector of one member: each has its own, so that none misleads two."""
    return blake3(LOOK + bytes.fromhex(sitting) + verifier.encode()).hexdigest()


def looks_of(sitting: Sitting, seed: Digest, question_id: str, verifier: str) -> Digest:
    """The seed by which a member of this sitting looks."""
    return look_seed(sitting_seed(sitting.block_hash, seed, question_id), verifier)


def outcome_of(committee: Committee) -> DisputeOutcome:
    """What all members of all sittings come to."""
    return count([member.noise_milli for member in committee.members])
