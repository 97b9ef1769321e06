"""The tiers that the network works by, for each kind of work: what is quoted and drawn by is what is done."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from assay.proof.policy.tiers import TIERS, Numerics, Tier, Work
from assay.schema.values import Policy

KINDS: Final[Mapping[str, Work]] = {"finetune": Work.TRAINING, "generate": Work.INFERENCE, "serve": Work.INFERENCE}
REPLICAS: Final = 3
"""So many answers the row of replication is for."""
REPLAYS: Final = ("class_replay", "tolerance")
TRACE: Final = "trace"
RERUN: Final = (Numerics.EXACT, Numerics.FLOAT32)
"""The numerics of training that is checked by running it again."""
NAMES: Final[Mapping[tuple[Work, Numerics], tuple[str, ...]]] = {
    (Work.TRAINING, Numerics.EXACT): ("exact",),
    **{(Work.INFERENCE, numerics): ("prefill",) for numerics in Numerics},
}

TRACED: Final[Mapping[str, Any]] = {
    "method": "lora",
    "data_form": "text",
    "accumulate": 1,
    "clip_norm": None,
    "base": "float32",
    "numerics": "native",
}
"""What a fine-tuning must be for its steps to have a trace; each is what a job has that does not name it."""


def work_of(kind: str) -> Work:
    """The kind of work that a job's kind is."""
    return KINDS.get(kind, Work.OTHER)


def numerics_of(params: Mapping[str, Any]) -> Numerics:
    """How a job with these parameters computes."""
    if params.get("numerics") == Numerics.EXACT:
        return Numerics.EXACT
    return Numerics.BFLOAT16 if params.get("dtype") == Numerics.BFLOAT16 else Numerics.FLOAT32


def is_traced(params: Mapping[str, Any]) -> bool:
    """Whether the steps of a fine-tuning with these parameters have a trace."""
    return all(params.get(name, plain) == plain for name, plain in TRACED.items())


def is_checkable(kind: str, params: Mapping[str, Any], policy: Policy) -> bool:
    """Whether the tier that an order asks for checks work of this kind.

    Training in bfloat16 is checked by its trace alone: run again elsewhere, honest work lies as far off as some cheats.
    """
    (*_, asked) = tiers_of(kind, params, policy)
    work, numerics = work_of(kind), numerics_of(params)
    if work is Work.TRAINING and policy.method != TRACE:
        return numerics in RERUN
    is_own = policy.method != TRACE or is_traced(params)
    return is_own and work in asked.work and numerics in asked.numerics


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
