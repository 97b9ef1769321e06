"""How much of what the chain credited counts, by how final its blocks are; pure.

Little counts once it is in a block, more once the node calls that block safe, all once it is final. It is the sum of an
account's credits that is little or much, so that a deposit in many parts counts for no more than one.
"""

from typing import Final, NamedTuple


class Limits(NamedTuple):
    """What of an account's credits counts before their blocks are safe, and before they are final; in base units."""

    included: int
    safe: int


class Credits(NamedTuple):
    """An account's credits in blocks that are not safe, and in safe ones that are not final; in base units."""

    included: int
    safe: int


class Waiting(NamedTuple):
    """What does not count yet: what of it will once all blocks are safe, and what only once they are final."""

    safe: int
    final: int


# An order waits for a deposit that nobody has seen yet.
MISSING: Final = "deposit.missing"
# Of an account whose every deposit is sent again after a fork.
UNLIMITED: Final = Limits(10**38, 10**38)


def waiting(credits: Credits, limits: Limits) -> Waiting:
    """What of these credits does not count yet."""
    total = sum(credits)
    before_final = min(total, limits.safe)
    by_now = min(before_final, credits.safe + min(credits.included, limits.included))
    return Waiting(before_final - by_now, total - before_final)


def reason_of(lack: int, credited: Waiting) -> str:
    """The name of what an order waits for that lacks so much; none if it lacks nothing."""
    if lack <= 0:
        return ""
    if lack > sum(credited):
        return MISSING
    return "deposit.not_final" if lack > credited.safe else "deposit.not_safe"
