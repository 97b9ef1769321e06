"""Replication: several verifiers answer at once about a drawn segment, and two thirds of their bonds decide.

It is asked for by an order, and holds the answers against the claim as the work's own method does. One answer that
agrees is not enough, so a single bribed or lazy verifier lets nothing stand. What is drawn is replicated, not all: the
draw is what deters, and who wants every segment replicated has every segment drawn.
"""

from dataclasses import replace
from typing import Final

from assay.schema.job import JobSpec
from assay.verification.methods.method import Method

NAME: Final = "replication"


def is_asked_for(spec: JobSpec) -> bool:
    """Whether the order asks for it."""
    return spec.policy.is_replicated


METHOD: Final = Method(NAME, tier="V6", misses_ppm=10_000, suits=is_asked_for)


def replicate(method: Method) -> Method:
    """The method by which each of the answers is held against the claim; in a class, as that method does there."""
    in_class = NAME if method.in_class else None
    return replace(method, name=NAME, tier=METHOD.tier, misses_ppm=METHOD.misses_ppm, in_class=in_class)
