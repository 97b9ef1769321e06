"""How long segments must be, and what a closed one tells of it."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.workloads import SegmentResult
from assay.workloads.segments import commitment, steps_enough


@given(st.floats(1e-4, 1e3), st.floats(1e-6, 1e3), st.integers(1, 5000))
def test_segments_are_as_short_as_the_hash_rule_allows(step_s: float, commit_s: float, steps: int) -> None:
    length = steps_enough(step_s, commit_s, steps)
    assert steps % length == 0
    assert length == steps or length * step_s >= 200 * commit_s * (1 - 1e-9)
    shorter = [each for each in range(1, length) if steps % each == 0]
    assert not any(each * step_s >= 200 * commit_s * (1 + 1e-9) for each in shorter)


def test_what_takes_no_time_cannot_be_measured() -> None:
    with pytest.raises(ValueError, match="take time"):
        steps_enough(0.0, 1.0, 10)


def test_a_segment_tells_what_committing_took_and_how_long_would_be_enough() -> None:
    assert commitment(2, 1000, trained_s=9.0, commit_s=1.0) == {"commit_share": 0.1, "segment_steps_enough": 50.0}


def test_training_tells_it_with_every_segment(chain: list[SegmentResult]) -> None:
    for segment in chain:
        metrics: dict[str, Any] = dict(segment.metrics)
        assert 0 < metrics["commit_share"] < 1
        assert metrics["segment_steps_enough"] in {1, 2, 3, 6}
