"""When the steps that wait are closed into an epoch; pure."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Waiting:
    """The steps that stand in no epoch: how many, what they charge, and when the oldest was charged."""

    steps: int
    value: int
    oldest_ms: int


@dataclass(frozen=True, slots=True)
class Limits:
    """An epoch is closed at so many steps, so much money, or so long after its first step: whatever comes first."""

    steps: int = 10_000
    value: int = 10_000 * 10**6
    age_s: float = 900.0


def is_due(waiting: Waiting, limits: Limits, now_ms: int) -> bool:
    """Whether an epoch is to be closed now."""
    is_old = now_ms - waiting.oldest_ms >= limits.age_s * 1000
    return waiting.steps > 0 and (is_old or waiting.steps >= limits.steps or waiting.value >= limits.value)
