"""The draw of the segments to be audited, which anyone can repeat, and what it costs a cheat.

The seed is known to nobody before the lease's root is: it mixes in the hash of a later block. Segments are drawn one by
one without return, each with a chance in proportion to its cost, so that a provider gains nothing by cutting work into
uneven pieces.
"""

from collections.abc import Sequence
from itertools import accumulate

from blake3 import blake3

SEED, DRAW = b"assay.seed.1", b"assay.draw.1"


def seed(block_hash: bytes | str, root: str) -> str:
    """The seed that follows from a block's hash (bytes or hex) and a lease's root, 64 hex digits."""
    block = bytes.fromhex(block_hash.removeprefix("0x")) if isinstance(block_hash, str) else block_hash
    return blake3(SEED + len(block).to_bytes(4, "big") + block + bytes.fromhex(root)).hexdigest()


def draw(seed_: str, costs: Sequence[int], k: int) -> tuple[int, ...]:
    """The `k` distinct places in `costs` that are drawn, in rising order; all of them if there are no more than `k`.

    What claims to cost nothing counts as one unit: nothing is beyond the draw.
    """
    if k >= len(costs):
        return tuple(range(len(costs)))
    left = Weights([cost or 1 for cost in costs])
    return tuple(sorted(left.take(number(seed_, turn) % left.total) for turn in range(k)))


def number(seed_: str, turn: int) -> int:
    """The 256-bit number of a turn; taken modulo any total below 2**64 its bias is below 2**-190."""
    return int.from_bytes(blake3(DRAW + bytes.fromhex(seed_) + turn.to_bytes(8, "big")).digest(), "big")


class Weights:
    """Weights of places, summed in a binary indexed tree: a draw and a removal cost log n (Fenwick 1994)."""

    def __init__(self, weights: Sequence[int]) -> None:
        self.weights = list(weights)
        self.total = sum(weights)
        sums = [0, *accumulate(weights)]
        self.tree = [sums[node] - sums[node & (node - 1)] for node in range(len(sums))]

    def take(self, point: int) -> int:
        """The place in whose part of 0..total the point falls; the place is removed."""
        place, step = 0, 1 << (len(self.weights).bit_length() - 1)
        while step:
            if place + step < len(self.tree) and self.tree[place + step] <= point:
                place += step
                point -= self.tree[place]
            step >>= 1
        self._remove(place)
        return place

    def _remove(self, place: int) -> None:
        weight, self.weights[place] = self.weights[place], 0
        self.total -= weight
        node = place + 1
        while node < len(self.tree):
            self.tree[node] -= weight
            node += node & -node


def detection(falsified: float, k: int, missed: float = 0.0) -> float:
    """The least chance that `k` draws find a cheat who falsified that share of the cost.

    `missed` is the chance that an audit of a false segment does not notice.
    """
    return float(1 - (1 - falsified * (1 - missed)) ** k)
