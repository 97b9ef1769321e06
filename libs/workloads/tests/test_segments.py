"""What a closed segment tells of its commitment."""

from typing import Any

from assay.workloads import SegmentResult
from assay.workloads.segments import commitment


def test_a_segment_tells_what_committing_took_and_how_long_would_be_enough() -> None:
    assert commitment(2, 1000, trained_s=9.0, commit_s=1.0) == {"commit_share": 0.1, "segment_steps_enough": 50.0}


def test_training_tells_it_with_every_segment(chain: list[SegmentResult]) -> None:
    for segment in chain:
        metrics: dict[str, Any] = dict(segment.metrics)
        assert 0 < metrics["commit_share"] < 1
        assert metrics["segment_steps_enough"] in {1, 2, 3, 6}
