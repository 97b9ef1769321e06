"""The rules of matching, one file each, in the order in which a veto names its reason."""

from collections.abc import Callable, Mapping

from assay.matching.domain import Job
from assay.matching.offers import ListedOffer, Opinion
from assay.matching.rules import (
    data,
    diversity,
    egress,
    exclusion,
    freshness,
    gpu,
    inputs,
    kind,
    memory,
    price,
    region,
    reputation,
    slots,
    speed,
    stake,
)

Rule = Callable[[Job, ListedOffer, int, Mapping[str, str]], Opinion]

RULES: tuple[Rule, ...] = (
    kind.judge,
    data.judge,
    egress.judge,
    slots.judge,
    exclusion.judge,
    freshness.judge,
    region.judge,
    gpu.judge,
    memory.judge,
    inputs.judge,
    price.judge,
    reputation.judge,
    stake.judge,
    speed.judge,
    diversity.judge,
)
