"""A closed line: it shortens patience for its provider alone, and only while it tells of that provider."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from services.matching.tests.samples import NOW_MS, id_of, party

from assay.matching.lines import OTHER_MS, is_few
from assay.matching.liveness import CUT_OFF, LEASES_MAX, Held, Liveness, Patience

PATIENCE = Patience(10_000, 60_000, 500)
CUT_MS = NOW_MS + 1_000
"""When lines are closed: everybody was heard a second before."""


def held(number: int = 1, since_ms: int = NOW_MS) -> Held:
    return Held(id_of("l", number), id_of("j", number), party("p", number), True, since_ms)


def market(providers: int) -> Liveness:
    """So many providers, each heard over a line of its own with a lease of its own, while the path is open."""
    liveness = Liveness()
    liveness.pulse(NOW_MS)
    for number in range(1, providers + 1):
        hear(liveness, number, f"S:{number}", NOW_MS)
    liveness.pulse(CUT_MS)
    return liveness


def hear(liveness: Liveness, number: int, line: str, at_ms: int) -> None:
    liveness.hear(party("p", number), [id_of("l", number)], at_ms, line)


def close(liveness: Liveness, *numbers: int, at_ms: int = CUT_MS) -> None:
    for number in numbers:
        assert liveness.lines.close(party("p", number), f"S:{number}", at_ms)


def lapsed(liveness: Liveness, at_ms: int, *leases: Held) -> list[int]:
    """The numbers of the leases that lapse at a time; all of them for closed lines."""
    found = liveness.overdue(leases, at_ms, PATIENCE)
    assert {ending for _, ending in found} <= {CUT_OFF}
    return [leases.index(lease) + 1 for lease, _ in found]


LEASES = [held(number) for number in range(1, 41)]


def test_a_lease_lapses_a_grace_after_its_providers_line_was_closed_and_no_other_does() -> None:
    liveness = market(2)
    close(liveness, 1)
    assert lapsed(liveness, CUT_MS + 499, *LEASES[:2]) == []
    assert lapsed(liveness, CUT_MS + 500, *LEASES[:2]) == [1]


def test_who_is_heard_over_another_line_has_lost_nothing() -> None:
    liveness = market(2)
    close(liveness, 1)
    hear(liveness, 1, "S:9", CUT_MS + 400)
    assert lapsed(liveness, CUT_MS + 900, *LEASES[:2]) == []
    assert not liveness.look(CUT_MS + 900, PATIENCE)


def test_a_beat_that_was_on_its_way_when_the_line_was_closed_is_no_sign_of_life() -> None:
    liveness = market(2)
    close(liveness, 1)
    hear(liveness, 1, "S:1", CUT_MS + 1)
    assert lapsed(liveness, CUT_MS + 500, *LEASES[:2]) == [1]


def test_a_beat_that_was_overtaken_by_one_over_a_newer_line_brings_the_closed_one_not_back() -> None:
    liveness = market(2)
    close(liveness, 1)
    hear(liveness, 1, "S:9", CUT_MS + 100)
    hear(liveness, 1, "S:1", CUT_MS + 101)
    assert lapsed(liveness, CUT_MS + 900, *LEASES[:2]) == []
    assert liveness.lines.close(party("p", 1), "S:9", CUT_MS + 950)


def test_of_two_workers_under_one_account_the_living_one_keeps_its_leases() -> None:
    liveness = market(2)
    hear(liveness, 1, "T:1", NOW_MS + 400)
    hear(liveness, 1, "S:1", NOW_MS + 900)
    close(liveness, 1)
    assert lapsed(liveness, CUT_MS + 500, *LEASES[:2]) == []
    assert not liveness.look(CUT_MS + 500, PATIENCE)


@pytest.mark.parametrize("told", [True, False], ids=["of both", "of the last alone"])
def test_who_was_back_and_is_cut_off_again_lapses_once_nothing_is_left_of_the_line_before(told: bool) -> None:
    liveness, again_ms = market(2), CUT_MS + (0 if told else OTHER_MS + 1)
    if told:
        close(liveness, 1)
    hear(liveness, 1, "S:9", again_ms + 100)
    liveness.pulse(again_ms + 100)
    assert liveness.lines.close(party("p", 1), "S:9", again_ms + 200)
    hear(liveness, 2, "S:2", again_ms + 200)
    assert lapsed(liveness, again_ms + 700, *LEASES[:2]) == [1]


@pytest.mark.parametrize("line", ["S:2", "S:0", ""])
def test_a_line_that_is_not_the_one_over_which_its_provider_is_heard_says_nothing(line: str) -> None:
    liveness = market(2)
    assert not liveness.lines.close(party("p", 1), line, CUT_MS)
    assert lapsed(liveness, CUT_MS + 500, *LEASES[:2]) == []


def test_a_worker_that_names_no_line_is_waited_for_as_ever() -> None:
    liveness = market(2)
    hear(liveness, 1, "", CUT_MS)
    assert not liveness.lines.close(party("p", 1), "", CUT_MS)
    assert lapsed(liveness, CUT_MS + 9_000, *LEASES[:2]) == []


def test_without_the_pulse_a_closed_line_says_nothing() -> None:
    liveness = market(2)
    close(liveness, 1)
    assert lapsed(liveness, CUT_MS + 3_001, *LEASES[:2]) == []
    liveness.pulse(CUT_MS + 10_000)
    assert lapsed(liveness, CUT_MS + 10_499, *LEASES[:2]) == []
    assert lapsed(liveness, CUT_MS + 10_500, *LEASES[:2]) == [1]


def test_a_lease_that_was_granted_meanwhile_has_its_own_grace() -> None:
    liveness = market(2)
    close(liveness, 1)
    granted = held(1, CUT_MS + 300)
    assert lapsed(liveness, CUT_MS + 799, granted) == []
    assert lapsed(liveness, CUT_MS + 800, granted) == [1]


def test_the_only_provider_is_waited_for_as_ever() -> None:
    liveness = market(1)
    close(liveness, 1)
    assert lapsed(liveness, CUT_MS + 2_000, LEASES[0]) == []


@pytest.mark.parametrize(("providers", "closed"), [(2, 2), (3, 2), (4, 3), (29, 3), (40, 5), (40, 40)])
def test_many_lines_closed_together_lapse_nobody(providers: int, closed: int) -> None:
    liveness = market(providers)
    close(liveness, *range(1, closed + 1))
    assert lapsed(liveness, CUT_MS + 2_000, *LEASES[:providers]) == []
    assert liveness.silent == {}


@pytest.mark.parametrize(("providers", "closed"), [(2, 1), (4, 2), (30, 3), (40, 4)])
def test_a_few_closed_together_among_many_lapse(providers: int, closed: int) -> None:
    liveness = market(providers)
    close(liveness, *range(1, closed + 1))
    assert lapsed(liveness, CUT_MS + 500, *LEASES[:providers]) == [*range(1, closed + 1)]


def test_those_who_are_back_bear_witness_for_those_who_are_not_yet() -> None:
    liveness = market(6)
    close(liveness, 1, 2, 3, 4)
    for number in (2, 3, 4):
        hear(liveness, number, f"T:{number}", CUT_MS + 100)
    assert lapsed(liveness, CUT_MS + 2_000, *LEASES[:6]) == []


def test_lines_closed_long_before_bear_no_witness() -> None:
    liveness = market(6)
    close(liveness, 1, 2, 3)
    for number in (1, 2, 3):
        hear(liveness, number, f"T:{number}", CUT_MS + 100)
    later_ms = CUT_MS + 2 * PATIENCE.lapse_ms
    liveness.since_ms, liveness.last_ms = NOW_MS, later_ms
    for number in range(1, 7):
        hear(liveness, number, f"U:{number}", later_ms)
    assert liveness.lines.close(party("p", 6), "U:6", later_ms)
    assert lapsed(liveness, later_ms + 500, *LEASES[:6]) == [6]


def test_who_is_cut_off_is_not_matched_and_is_found_at_the_moment_that_was_foretold() -> None:
    liveness = market(2)
    close(liveness, 1)
    assert liveness.next_ms(CUT_MS, PATIENCE) == CUT_MS + 500
    assert not liveness.look(CUT_MS + 499, PATIENCE)
    assert liveness.look(CUT_MS + 500, PATIENCE)
    assert liveness.silent == {party("p", 1): "provider.silent"}
    assert not liveness.look(CUT_MS + 501, PATIENCE)
    hear(liveness, 1, "S:9", CUT_MS + 600)
    assert not liveness.look(CUT_MS + 601, PATIENCE)
    assert liveness.silent == {}


def test_lines_of_those_who_left_are_forgotten() -> None:
    liveness = market(LEASES_MAX)
    close(liveness, 1)
    liveness.look(NOW_MS + 3 * 3_600_000, PATIENCE)
    assert (liveness.lines.over, liveness.lines.closed) == ({}, {})


Moments = st.lists(st.tuples(st.integers(1, 8), st.integers(0, 3_000), st.booleans()), max_size=40)
"""Which provider, after how many ms, and whether its line is closed, or it is heard over a new one."""


@given(Moments)
def test_a_lapse_is_a_grace_after_a_closing_never_after_a_return_and_of_few(
    moments: list[tuple[int, int, bool]],
) -> None:
    liveness = market(8)
    line, closed, last = {n: f"S:{n}" for n in range(1, 9)}, dict[int, int](), 0
    for turn, (number, after_ms, is_closed) in enumerate(sorted(moments, key=lambda each: each[1])):
        last = CUT_MS + after_ms
        if is_closed:
            liveness.lines.close(party("p", number), line[number], last)
            closed.setdefault(number, last)
        else:
            # Whoever is back has lost the line before.
            liveness.lines.close(party("p", number), line[number], last)
            line[number] = f"T:{turn}"
            hear(liveness, number, line[number], last)
            closed.pop(number, None)
    liveness.pulse(max(last, CUT_MS))
    now_ms = max(last, CUT_MS) + 300
    found = lapsed(liveness, now_ms, *LEASES[:8])
    assert all(number in closed and now_ms - closed[number] >= 500 for number in found)
    assert len(found) <= 2
    if len({number for number, *_ in moments}) <= 2:
        assert found == [number for number in sorted(closed) if now_ms - closed[number] >= 500]


@given(st.integers(1, 1_000), st.integers(0, 1_000))
def test_what_is_few_stays_so_with_more_witnesses_and_is_never_most(together: int, heard: int) -> None:
    if is_few(together, heard):
        assert is_few(together, heard + 1)
        assert together <= heard - together
