"""Masks that cancel in the sum, after Bonawitz et al. 2017 (Practical secure aggregation, CCS'17). Pure.

Each pair of members shares a mask that one adds and the other takes away, and each member adds one of its own. Whoever
has all members' vectors and, for each of them, one of the two secrets (of those who came the own mask's, of those who
did not the pairwise masks') has the sum, and nothing else. Nobody may ever get both secrets of one member.
"""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from assay.workloads.federated import secrets
from assay.workloads.federated.numbers import Ints

PAIR, OWN, KEY = "pair", "own", "key"


def stretched(key: bytes, size: int) -> Ints:
    """Return the mask that a key stretches to."""
    return np.frombuffer(secrets.stretch(key, 4 * size), "<u4")


def private_of(dealt: bytes) -> bytes:
    """Return the private key of a turn, of which members hold shares."""
    return secrets.derive(dealt, KEY)


def paired(dealt: bytes, own: int, others: Mapping[int, bytes], context: Sequence[object], size: int) -> Ints:
    """Return the sum of a member's masks with others, by their public keys of the turn. Raises ValueError."""
    total = np.zeros(size, np.uint32)
    for place, public in others.items():
        mask = stretched(secrets.agree(private_of(dealt), public, PAIR, *context), size)
        total = total + mask if own < place else total - mask
    return total


def owned(dealt: bytes, context: Sequence[object], size: int) -> Ints:
    """Return a member's own mask."""
    return stretched(secrets.derive(dealt, OWN, *context), size)


def sum_of(vectors: Iterable[Ints], size: int) -> Ints:
    """Return the sum modulo 2^32."""
    return sum(vectors, np.zeros(size, np.uint32))


def unmasked(
    masked: Mapping[int, Ints],
    owns: Mapping[int, bytes],
    gone: Mapping[int, bytes],
    publics: Mapping[int, bytes],
    context: Sequence[object],
) -> Ints:
    """Return the sum of what was masked: `owns` are the own secrets of who came, `gone` the keys of who did not.

    `publics` are the turn's public keys of all dealers. Raises ValueError for a key that is none.
    """
    size = len(next(iter(masked.values())))
    total = sum_of(masked.values(), size) - sum_of((owned(dealt, context, size) for dealt in owns.values()), size)
    came = {place: publics[place] for place in masked}
    for place, dealt in gone.items():
        # What who came added for the one that is gone is what that one would have taken away, and the other way round.
        total = total + paired(dealt, place, came, context, size)
    return total
