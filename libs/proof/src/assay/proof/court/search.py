"""The search for the first root that two parties do not share, by places that follow from the interval alone.

Roots are told by their first bytes, and each round cuts in as few parts as cost no further round.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

ARITY: Final = 16


@dataclass(frozen=True, slots=True)
class Interval:
    """The parties share the root `agreed` at `low`; the worker's root at `high` is `disputed`."""

    low: int
    high: int
    agreed: bytes
    disputed: bytes

    @property
    def width(self) -> int:
        """How many places lie in question."""
        return self.high - self.low

    def narrow(self, places: Sequence[int], roots: Sequence[bytes], index: int) -> "Interval":
        """The part that ends at the first probe which is not shared; `index` is their number if all are."""
        low, agreed = (places[index - 1], roots[index - 1]) if index else (self.low, self.agreed)
        high, disputed = (places[index], roots[index]) if index < len(places) else (self.high, self.disputed)
        return Interval(low, high, agreed, disputed)


def rounds_of(width: int) -> int:
    """How many rounds a search of this width takes at most."""
    count = 0
    while ARITY**count < width:
        count += 1
    return count


def parts_of(width: int) -> int:
    """In how many parts a round cuts: as few as cost no further round, for every part but one costs a root."""
    rounds, parts = rounds_of(width), 2
    while parts**rounds < width:
        parts += 1
    return parts


def places_of(interval: Interval, grain: int = 1) -> tuple[int, ...]:
    """Where the next roots are asked for: multiples of `grain` if that costs no further round, else even parts.

    A grain is the steps of a segment: the states between segments are checkpoints that both parties have.
    """
    stride = -(-interval.width // parts_of(interval.width))
    coarse = -(-stride // grain) * grain
    if interval.low % grain == 0 and coarse <= ARITY ** (rounds_of(interval.width) - 1):
        stride = coarse
    return tuple(range(interval.low + stride, interval.high, stride))
