"""How a job is cut into segments: all of equal cost, and no more than a commitment's chain may have."""

from typing import Final

SEGMENTS_MAX: Final = 10_000


def check_cut(units: int, each: int, whole: str, part: str) -> None:
    """Nothing, if `units` are segments of `each`. Raises ValueError with the names of the two parameters."""
    if units % each:
        raise ValueError(f"{whole} must be a multiple of {part} ({each})")
    if units // each > SEGMENTS_MAX:
        raise ValueError(f"at most {SEGMENTS_MAX} segments: raise {part}")
