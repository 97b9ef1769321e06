from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.proof import BrokenChain, check_chain, leaf_of, root_of, spec_digest
from assay.schema.job import JobSpec
from assay.schema.lease import LeaseCommitted
from assay.schema.values import derive_id

SPEC_DIGEST = spec_digest(JobSpec(kind="noop", segments=5, segment_units=1000, params={"segments": 5}))
DIGESTS = ("state_in", "state_out", "checkpoint", "previous", "commitment")


@pytest.fixture(scope="session")
def commits(lineage: object) -> tuple[LeaseCommitted, ...]:
    """Three chained commitments that carry on after segment 1."""
    said = lineage.leases[1][1]  # type: ignore[attr-defined]
    return tuple(envelope.event for envelope in said if isinstance(envelope.event, LeaseCommitted))


def check(commits: Sequence[LeaseCommitted], lineage: object) -> None:
    check_chain(commits, spec_digest(lineage.submitted.event.spec), resume=lineage.leases[1][0].resume)  # type: ignore[attr-defined]


def test_an_honest_chain_holds(commits: Sequence[LeaseCommitted], lineage: object) -> None:
    check(commits, lineage)
    check([], lineage)


@given(st.integers(0, 2), st.sampled_from(DIGESTS), st.integers(0, 255))
def test_a_flipped_bit_of_a_commitment_is_found_in_its_segment(
    commits: Sequence[LeaseCommitted], lineage: object, place: int, field: str, bit: int
) -> None:
    flipped = f"{int(getattr(commits[place], field), 16) ^ (1 << bit):064x}"
    changed = [*commits[:place], commits[place].model_copy(update={field: flipped}), *commits[place + 1 :]]
    with pytest.raises(BrokenChain) as caught:
        check(changed, lineage)
    assert caught.value.segment == commits[place].segment


@pytest.mark.parametrize(
    "change",
    [
        {"units": 1001},
        {"segment": 9},
        {"fence": 3},
        {"lease_id": derive_id("l", "x")},
        {"job_id": derive_id("j", "x")},
        {"provider": "p" + "a" * 32},
    ],
    ids=lambda change: next(iter(change)),
)
@pytest.mark.parametrize("place", [0, 1, 2])
def test_any_other_word_of_a_commitment_breaks_the_chain_there(
    commits: Sequence[LeaseCommitted], lineage: object, place: int, change: dict[str, object]
) -> None:
    changed = [*commits[:place], commits[place].model_copy(update=change), *commits[place + 1 :]]
    with pytest.raises(BrokenChain) as caught:
        check(changed, lineage)
    assert caught.value.segment == commits[place].segment


@pytest.mark.parametrize("order", [(1, 2), (0, 2), (1, 0, 2), (0, 0, 1)])
def test_a_gap_a_swap_and_a_repeat_are_found(
    commits: Sequence[LeaseCommitted], lineage: object, order: Sequence[int]
) -> None:
    with pytest.raises(BrokenChain):
        check([commits[place] for place in order], lineage)


def test_a_segment_that_changes_nothing_is_no_work(commits: Sequence[LeaseCommitted], lineage: object) -> None:
    idle = commits[0].model_copy(update={"state_out": commits[0].state_in})
    with pytest.raises(BrokenChain, match="state it began with"):
        check([idle], lineage)


def test_a_chain_starts_where_the_job_starts(lineage: object) -> None:
    first = lineage.leases[0][1][0].event  # type: ignore[attr-defined]
    spec = spec_digest(lineage.submitted.event.spec)  # type: ignore[attr-defined]
    check_chain([first], spec, start_state=first.state_in)
    with pytest.raises(BrokenChain, match="start from the state"):
        check_chain([first], spec, start_state=first.state_out)


def test_work_for_another_spec_is_another_leaf(commits: Sequence[LeaseCommitted]) -> None:
    assert leaf_of(commits[0], SPEC_DIGEST) != leaf_of(commits[0], "00" * 32)
    assert root_of(commits, SPEC_DIGEST) != root_of(commits[:2], SPEC_DIGEST)
