"""Where a trace is refused: honest verifiers find the same at the same operator, so that such a place names a group."""

from typing import Final

from blake3 import blake3

WRONG: Final = "trace.wrong_operator"
"""What is found where an operator does not follow from what it was given."""


def group_of(code: str, step: int, operator: int) -> int:
    """The group of all who find this at this place, as honest verifiers do alike: a whole number up to 2**30."""
    place = f"{code}/{step}/{operator}"
    return 1 + int.from_bytes(blake3(place.encode()).digest(length=4), "big") % 2**30
