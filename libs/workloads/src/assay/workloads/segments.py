"""What a closed segment tells of its commitment, by which the next order is cut (`assay.proof.cutting`)."""

from assay.proof.cutting import steps_enough


def commitment(segment_steps: int, steps: int, trained_s: float, commit_s: float) -> dict[str, float]:
    """Return what a closed segment tells: the share of its time that committing took, and how many steps are enough."""
    least = steps_enough(trained_s / segment_steps, commit_s, steps)
    return {"commit_share": commit_s / (trained_s + commit_s), "segment_steps_enough": float(least)}
