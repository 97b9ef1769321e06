"""Replication: several providers do the same segment blind, seal what they found, and the weight of trust decides.

For work that cannot be replayed bit by bit or checked from a trace, and for the first epochs of a new kind. A seal
(`answer`) binds each answer before any is seen, so that copying one's neighbour is not possible; replicas are drawn by
the beacon, so that a friend cannot be chosen. What one owner stands behind counts once, however many names it has.

It misses what a majority of trust agrees on: the miss rate is the chance that so much of a draw is one owner's.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import comb
from typing import Final

from assay.schema.errors import Reject
from assay.schema.values import Digest

PPM: Final = 1_000_000
NEEDED_PPM: Final = 666_667
"""More than two thirds of the trust that answered."""
REPLICAS_MIN: Final = 3


@dataclass(frozen=True, slots=True)
class Replica:
    """One answer: who gave it, who owns that participant, and its trust (stake × reputation, any unit)."""

    participant: str
    owner: str
    trust: int
    answer: Digest


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the quorum found: the answer, its share of the trust, and who said otherwise; no answer is no quorum."""

    answer: Digest | None
    share_ppm: int
    agreed: tuple[str, ...]
    differed: tuple[str, ...]


def decide(replicas: Sequence[Replica]) -> Outcome:
    """The outcome of a replicated segment. Without a quorum nobody is blamed: more replicas are asked.

    Raises Reject if fewer than REPLICAS_MIN owners answered, a participant answered twice, or trust is not positive.
    """
    check(replicas)
    trust = weigh(replicas)
    total = sum(trust.values())
    best = max(sorted(trust), key=lambda answer: trust[answer])
    share = trust[best] * PPM // total
    if share < NEEDED_PPM:
        return Outcome(None, share, (), ())
    agreed = sorted(each.participant for each in replicas if each.answer == best)
    differed = sorted(each.participant for each in replicas if each.answer != best)
    return Outcome(best, share, tuple(agreed), tuple(differed))


def check(replicas: Sequence[Replica]) -> None:
    """Nothing, if these answers can be weighed. Raises Reject."""
    if len({each.participant for each in replicas}) < len(replicas):
        raise Reject("A participant has answered twice.")
    if any(each.trust < 1 for each in replicas):
        raise Reject("Trust is at least 1.")
    if (owners := len({each.owner for each in replicas})) < REPLICAS_MIN:
        raise Reject(f"{owners} owners have answered; a quorum needs {REPLICAS_MIN}.")


def weigh(replicas: Sequence[Replica]) -> Mapping[Digest, int]:
    """The trust behind each answer: of an owner's participants the most trusted one counts, once for each answer."""
    most: dict[tuple[Digest, str], int] = {}
    for each in replicas:
        key = (each.answer, each.owner)
        most[key] = max(most.get(key, 0), each.trust)
    weights: dict[Digest, int] = {}
    for (answer, _), trust in most.items():
        weights[answer] = weights.get(answer, 0) + trust
    return weights


def miss_rate(owners: int, colluding: int, replicas: int) -> float:
    """The chance that a colluding party makes up two thirds of `replicas` drawn from equally trusted owners.

    Hypergeometric; 0 <= colluding <= owners, 1 <= replicas <= owners.
    """
    needed = -(-replicas * NEEDED_PPM // PPM)
    ways = sum(comb(colluding, n) * comb(owners - colluding, replicas - n) for n in range(needed, replicas + 1))
    return ways / comb(owners, replicas)
