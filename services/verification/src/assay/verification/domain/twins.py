"""Twins: a planted question is asked beside the one whose answer it is held against, and is like it in all. Pure.

Both have the same fee, the same seed, as many verifiers, and times that do not depend on which is which. One of the two
is first: for it the epoch's seed draws, publicly; for the second the secret does. How the question ends is not said
before its twin is answered, and the twin is judged only where the claim stands.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from assay.proof.opened import question_id_of
from assay.proof.policy import full_fee
from assay.schema.values import Digest
from assay.verification.domain.asking import Candidate, Want, willing
from assay.verification.domain.case import Case
from assay.verification.domain.ordering import Asking
from assay.verification.domain.planting import is_doubled, is_twin_first


@dataclass(frozen=True, slots=True)
class Planting:
    """By what it is decided which questions of an epoch have a twin."""

    secret: bytes
    epoch_id: str
    seed: Digest
    planted_ppm: int


def doubled(
    asking: Asking, planting: Planting, case: Case, candidates: Sequence[Candidate], now_ms: int
) -> tuple[Asking, ...]:
    """The question, with its twin if it has one; it has none where verifiers for both do not exist.

    Nor has what reaches hosts: what is asked at another time may have another answer, and nobody is to blame.
    """
    question_id = question_id_of(planting.epoch_id, asking.lease_id, asking.segment)
    draw = (planting.secret, planting.seed, question_id, planting.planted_ppm)
    granted = case.granted
    if granted.spec.reaches or not is_doubled(*draw):
        return (asking,)
    parties = (granted.provider, granted.requester)
    want = Want(question_id, planting.seed, planting.secret, granted.spec, parties)
    if len(willing(want, candidates, now_ms)) < 2 * asking.replicas:
        return (asking,)
    is_first = is_twin_first(*draw)
    # For the same fee, so that nobody can tell; but no order pays for it.
    fee = full_fee(granted.spec, granted.mega_unit_price) if asking.ordered_by else asking.share
    twin = replace(asking, share=fee, ordered_by=None, is_planted=True, is_second=not is_first)
    return replace(asking, is_second=is_first), twin
