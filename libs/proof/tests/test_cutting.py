"""The hash rule: how long segments must be."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.proof.cutting import commit_steps, steps_enough


@given(st.floats(1e-4, 1e3), st.floats(1e-6, 1e3), st.integers(1, 5000))
def test_segments_are_as_short_as_the_hash_rule_allows(step_s: float, commit_s: float, steps: int) -> None:
    length = steps_enough(step_s, commit_s, steps)
    assert steps % length == 0
    assert length == steps or length * step_s >= 200 * commit_s * (1 - 1e-9)
    shorter = [each for each in range(1, length) if steps % each == 0]
    assert not any(each * step_s >= 200 * commit_s * (1 + 1e-9) for each in shorter)


@pytest.mark.parametrize("what", [lambda: steps_enough(0.0, 1.0, 10), lambda: commit_steps(1.0, 4)])
def test_what_takes_no_time_cannot_be_measured(what: Callable[[], object]) -> None:
    with pytest.raises(ValueError, match="take"):
        what()


@given(st.floats(1e-3, 1e3), st.floats(1e-6, 1e3), st.integers(1, 10_000))
def test_a_share_says_how_long_a_commitment_takes_whatever_the_segment_was(step: float, commit: float, n: int) -> None:
    share = commit / (commit + n * step)
    assert commit_steps(share, n) == pytest.approx(commit / step, rel=1e-6)
