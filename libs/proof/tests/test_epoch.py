from dataclasses import replace
from itertools import permutations

import pytest
from blake3 import blake3
from hypothesis import given, settings
from hypothesis import strategies as st
from libs.proof.tests.conftest import SPEC, commits_of

from assay.proof import epoch, sampling, spec_digest
from assay.proof.epoch import Entry, Range
from assay.proof.merkle_sum import root as sum_root
from assay.schema.errors import Reject
from assay.schema.values import Role, derive_id, participant_id

PROVIDER = participant_id(Role.PROVIDER, "0x" + "01" * 20)


def range_over(name: str, first: int, costs: tuple[int, ...]) -> Range:
    """A range whose leaves are made up."""
    leaves = tuple(blake3(f"{name} {first + at}".encode()).digest() for at in range(len(costs)))
    under = sum_root(list(zip(leaves, costs, strict=True)))
    return Range(Entry(derive_id("l", name), 1, first, len(costs), *under), leaves, costs)


@st.composite
def epochs(draw: st.DrawFn) -> list[Range]:
    """Some leases' ranges, of unequal segments, in any order."""
    costs = st.lists(st.integers(1, 10**6), min_size=1, max_size=12).map(tuple)
    return [range_over(f"lease {at}", at, draw(costs)) for at in draw(st.permutations(range(draw(st.integers(1, 5)))))]


def proven(ranges: list[Range], lease_id: str, segment: int) -> tuple[int, int]:
    """A segment's range on the line, by its two proofs alone."""
    entries = [each.entry for each in ranges]
    range_ = next(each for each in ranges if each.entry.lease_id == lease_id)
    at = segment - range_.entry.first_segment
    outer, inner = epoch.prove_entry(entries, range_.entry), epoch.prove_segment(range_, segment)
    assert epoch.verify_entry(epoch.epoch_root(entries), range_.entry, outer)
    assert epoch.verify_segment(range_.entry, segment, range_.leaves[at], range_.costs[at], inner)
    return outer.start + inner.start, range_.costs[at]


def follows(seed: str, total: int, drawn: list[tuple[int, int]]) -> bool:
    """Whether proven ranges are a whole draw of that seed."""
    return epoch.is_apart(sorted(drawn), total) and epoch.first_drawn(seed, total, drawn) == set(drawn)


@settings(max_examples=60, deadline=None)
@given(epochs(), st.binary(min_size=32, max_size=32), st.integers(1, 30))
def test_a_draw_follows_from_the_root_and_the_proofs_of_what_was_drawn(
    ranges: list[Range], beacon: bytes, k: int
) -> None:
    root, total = epoch.epoch_root([each.entry for each in ranges])
    seed = epoch.seed(beacon, root, PROVIDER, 7)
    drawn = epoch.draw(seed, ranges, k)
    assert len(set(drawn)) == len(drawn) == min(k, sum(len(each.costs) for each in ranges))
    on_line = [proven(ranges, *each) for each in drawn]
    assert on_line == sorted(on_line)
    assert follows(seed, total, on_line)
    line = {which: (begin, cost) for which, begin, cost in epoch.starts(ranges)}
    assert [line[each] for each in drawn] == on_line
    others = [place for which, place in line.items() if which not in drawn]
    if others:
        assert not follows(seed, total, sorted([*on_line[1:], others[0]]))


@given(epochs(), st.integers(1, 30))
def test_the_draw_is_the_same_whatever_the_order_of_arrival(ranges: list[Range], k: int) -> None:
    seed = epoch.seed(b"\1" * 32, epoch.epoch_root([each.entry for each in ranges]).root, PROVIDER, 7)
    assert epoch.draw(seed, ranges[::-1], k) == epoch.draw(seed, ranges, k)
    flat = [cost for _, _, cost in epoch.starts(ranges)]
    whole = [which for which, _, _ in epoch.starts(ranges)]
    assert epoch.draw(seed, ranges, k) == tuple(whole[place] for place in sampling.draw(seed, flat, k))


def test_a_range_stands_over_what_the_provider_signed() -> None:
    commits = commits_of("early", fence=1, first=0, count=4, resume=None)
    whole, end = epoch.range_of(commits, spec_digest(SPEC)), epoch.range_of(commits[2:], spec_digest(SPEC))
    assert (whole.entry.segments, whole.entry.units, end.entry.first_segment) == (4, 4000, 2)
    assert whole.leaves[2:] == end.leaves
    for gap in (commits[::2], commits[::-1], [], [commits[0], commits[1].model_copy(update={"fence": 2})]):
        with pytest.raises(Reject):
            epoch.range_of(gap, spec_digest(SPEC))
    changed = epoch.range_of([*commits[:3], commits[3].model_copy(update={"units": 999})], spec_digest(SPEC))
    assert epoch.epoch_root([changed.entry]) != epoch.epoch_root([whole.entry])


def test_what_claims_to_cost_nothing_can_be_drawn_too() -> None:
    commits = [each.model_copy(update={"units": 0}) for each in commits_of("early", 1, 0, 3, None)]
    assert epoch.range_of(commits, spec_digest(SPEC)).costs == (1, 1, 1)


def test_no_segment_stands_in_an_epoch_twice() -> None:
    one, again = range_over("a", 0, (5, 5, 5)).entry, range_over("a", 2, (5, 5)).entry
    with pytest.raises(Reject, match="twice"):
        epoch.epoch_root([again, one])
    with pytest.raises(Reject, match="no segments"):
        epoch.epoch_root([replace(one, units=2)])
    epoch.epoch_root([one, replace(again, first_segment=3)])


def test_the_root_binds_every_field_of_every_entry() -> None:
    entry = range_over("a", 3, (5, 5)).entry
    changes = [{"lease_id": derive_id("l", "b")}, {"fence": 2}, {"first_segment": 4}, {"segments": 3}, {"units": 11}]
    changed = [replace(entry, **change) for change in [*changes, {"range_root": "1" * 64}]]
    assert len({epoch.epoch_root([each]) for each in [entry, *changed]}) == 7


def test_the_seed_is_bound_to_beacon_root_provider_and_epoch() -> None:
    terms = [
        (b"\1" * 32, "0" * 64, PROVIDER, 1),
        (b"\2" * 32, "0" * 64, PROVIDER, 1),
        (b"\1" * 32, "1" * 64, PROVIDER, 1),
    ]
    others = [(b"\1" * 32, "0" * 64, PROVIDER[:-1] + "c", 1), (b"\1" * 32, "0" * 64, PROVIDER, 2)]
    assert len({epoch.seed(*each) for each in [*terms, *others]}) == 5


def test_a_claimed_draw_that_overlaps_or_leaves_the_line_does_not_follow() -> None:
    for claimed in ([(0, 5), (4, 5)], [(0, 11)], [(-1, 3)], [(3, 0)], [(0, 5), (0, 5)]):
        assert not follows("0" * 64, 10, claimed)
    assert any(follows("0" * 64, 10, [place]) for place in [(0, 5), (5, 5)])
    assert all(follows("0" * 64, 10, list(order)) for order in permutations([(0, 5), (5, 5)]))
