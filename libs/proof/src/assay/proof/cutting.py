"""The hash rule: how long a segment must be for its commitment to cost next to nothing. Pure.

Committing a state means hashing every byte of it once: twelve bytes a trained parameter (a weight and two moments in
float32), and making a copy first. A segment two hundred times as long as that spends half a percent on it.
"""

import math
from typing import Final

SHARE_MAX: Final = 1 / 200


def steps_enough(step_s: float, commit_s: float, steps: int, share: float = SHARE_MAX) -> int:
    """Return the fewest steps of a segment that commit within `share`, all segments being equal.

    It divides `steps`; the whole job is one segment where nothing shorter will do. Raises ValueError for what is not
    positive.
    """
    if min(step_s, commit_s, steps, share) <= 0:
        raise ValueError("a step and a commitment take time, and a job has steps")
    least = min(steps, max(1, math.ceil(commit_s / (share * step_s))))
    return next(length for length in range(least, steps + 1) if steps % length == 0)


def commit_steps(commit_share: float, segment_steps: int) -> float:
    """Return how many steps' time a commitment takes, by the share that it took of a segment of so many steps.

    Raises ValueError unless the share is above 0 and below 1.
    """
    if not 0 < commit_share < 1:
        raise ValueError("a commitment takes a share of its segment")
    return segment_steps * commit_share / (1 - commit_share)
