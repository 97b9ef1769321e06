"""How long a segment must be for its commitment to cost next to nothing.

Committing a state means hashing every byte of it once: twelve bytes a trained parameter (a weight and two moments in
float32), and making a copy first. A segment two hundred times as long as that spends half a percent on it.
"""

import math

STATE_BYTES_PER_PARAMETER = 12
SHARE_MAX = 1 / 200


def segment_steps(step_s: float, parameters: int, hash_bytes_per_s: float, steps: int, share: float = SHARE_MAX) -> int:
    """Return the fewest steps of a segment that commit within `share`, all segments being equal.

    It divides `steps`; the whole job is one segment where nothing shorter will do. Raises ValueError for what is not
    positive.
    """
    if min(step_s, parameters, hash_bytes_per_s, steps, share) <= 0:
        raise ValueError("a step takes time, a state has size, a hash has a rate, and a job has steps")
    commit_s = STATE_BYTES_PER_PARAMETER * parameters / hash_bytes_per_s
    least = min(steps, max(1, math.ceil(commit_s / (share * step_s))))
    return next(length for length in range(least, steps + 1) if steps % length == 0)
