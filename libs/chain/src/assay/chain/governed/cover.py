"""What a claim of capacity asks of stake, as StakeVault reckons it; pure.

A part has to be the provider's own whatever backs it, and base units are asked of each identity anew, so splitting a
claim asks for more.
"""

from typing import Final, NamedTuple

from assay.chain.governed.terms import StakeTerms

PPM: Final = 10**6
# The part of what a claim asks for that has to be the provider's own, in millionths.
OWN_PPM: Final = 200_000


class CoverTerms(NamedTuple):
    """What votes set of it, in native base units: for each claim, and for each cost unit a second besides."""

    base: int
    per_unit: int

    @classmethod
    def of(cls, terms: StakeTerms) -> "CoverTerms":
        """Those that a deployment begins with."""
        return cls(terms.base, terms.per_unit)

    def minimum_for(self, units_per_s: int) -> int:
        """Returns what a claim asks for, of own and delegated stake together; nothing is asked for nothing."""
        return self.base + self.per_unit * units_per_s if units_per_s else 0

    def own_for(self, units_per_s: int, backing: int) -> int:
        """Returns what of it has to be own stake, beside so much backing."""
        needed = self.minimum_for(units_per_s)
        return max(0, needed - backing, -(-needed * OWN_PPM // PPM))
