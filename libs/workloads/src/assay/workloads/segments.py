"""How long a segment must be for its commitment to cost next to nothing.

Committing a state means hashing every byte of it once: twelve bytes a trained parameter (a weight and two moments in
float32), and making a copy first. A segment two hundred times as long as that spends half a percent on it. Each closed
segment tells what its own took, so that the next order is cut by what was measured.
"""

import math

SHARE_MAX = 1 / 200


def commitment(segment_steps: int, steps: int, trained_s: float, commit_s: float) -> dict[str, float]:
    """Return what a closed segment tells: the share of its time that committing took, and how many steps are enough."""
    least = steps_enough(trained_s / segment_steps, commit_s, steps)
    return {"commit_share": commit_s / (trained_s + commit_s), "segment_steps_enough": float(least)}


def steps_enough(step_s: float, commit_s: float, steps: int, share: float = SHARE_MAX) -> int:
    """Return the fewest steps of a segment that commit within `share`, all segments being equal.

    It divides `steps`; the whole job is one segment where nothing shorter will do. Raises ValueError for what is not
    positive.
    """
    if min(step_s, commit_s, steps, share) <= 0:
        raise ValueError("a step and a commitment take time, and a job has steps")
    least = min(steps, max(1, math.ceil(commit_s / (share * step_s))))
    return next(length for length in range(least, steps + 1) if steps % length == 0)
