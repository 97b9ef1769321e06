"""The tiers that the network works by, for each kind of work: what is quoted and drawn by is what is done."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from assay.proof.policy.tiers import TIERS, Numerics, Tier, Work
from assay.schema.values import Policy

KINDS: Final[Mapping[str, Work]] = {"finetune": Work.TRAINING, "generate": Work.INFERENCE}
REPLICAS: Final = 3
"""So many answers the row of replication is for."""
REPLAYS: Final = ("class_replay", "tolerance")
NAMES: Final[Mapping[tuple[Work, Numerics], tuple[str, ...]]] = {
    (Work.TRAINING, Numerics.EXACT): ("exact",),
    **{(Work.INFERENCE, numerics): ("prefill",) for numerics in Numerics},
}


def work_of(kind: str) -> Work:
    """The kind of work that a job's kind is."""
    return KINDS.get(kind, Work.OTHER)


def numerics_of(params: Mapping[str, Any]) -> Numerics:
    """How a job with these parameters computes."""
    if params.get("numerics") == Numerics.EXACT:
        return Numerics.EXACT
    return Numerics.BFLOAT16 if params.get("dtype") == Numerics.BFLOAT16 else Numerics.FLOAT32


def is_checkable(kind: str, params: Mapping[str, Any], policy: Policy) -> bool:
    """Whether the tier that an order asks for checks work of this kind."""
    (*_, asked) = tiers_of(kind, params, policy)
    return work_of(kind) in asked.work and numerics_of(params) in asked.numerics


def tiers_of(kind: str, params: Mapping[str, Any], policy: Policy | None = None) -> tuple[Tier, ...]:
    """The tiers by which a job's segments are checked, of which one is chosen by what is known of the machines.

    An order may ask for one by its policy.
    """
    if policy and policy.method:
        asked = next(tier for tier in TIERS if tier.name == policy.method)
        times = policy.replicas if policy.is_replicated else REPLICAS
        return (replace(asked, audit_ppm=asked.audit_ppm * times // REPLICAS),)
    names = NAMES.get((work_of(kind), numerics_of(params)), REPLAYS)
    return tuple(tier for tier in TIERS if tier.name in names)
