"""Silence: it counts only while the path is proven, from when this process could hear, and never in bulk."""

from hypothesis import given
from hypothesis import strategies as st
from services.matching.tests.samples import NOW_MS, id_of, party

from assay.matching.beats import said_of
from assay.matching.liveness import LEASES_MAX, SILENT, UNSTARTED, Held, Liveness, Patience

PATIENCE = Patience(10_000, 60_000, 500)


def held(number: int = 1, is_started: bool = True, since_ms: int = NOW_MS) -> Held:
    return Held(id_of("l", number), id_of("j", number), party("p", number), is_started, since_ms)


def listen(
    liveness: Liveness, from_s: int, to_s: int, provider: int | None = None, leases: tuple[int, ...] = ()
) -> None:
    """Seconds in which the pulse is heard, and a provider that works on leases."""
    for second in range(from_s, to_s + 1):
        liveness.pulse(NOW_MS + second * 1_000)
        if provider is not None:
            liveness.hear(party("p", provider), [id_of("l", number) for number in leases], NOW_MS + second * 1_000)


def overdue(liveness: Liveness, second: int, *leases: Held) -> list[tuple[str, str]]:
    found = liveness.overdue(leases, NOW_MS + second * 1_000, PATIENCE)
    return [(lease.lease_id, ending.code) for lease, ending in found]


def test_a_silent_lease_is_overdue_once_the_path_was_proven_for_so_long() -> None:
    liveness = Liveness()
    listen(liveness, 0, 10)
    assert overdue(liveness, 9, held()) == []
    assert overdue(liveness, 10, held()) == [(id_of("l", 1), SILENT.code)]


def test_a_lease_that_is_heard_is_not_overdue() -> None:
    liveness = Liveness()
    listen(liveness, 0, 40, 1, (1,))
    assert overdue(liveness, 40, held()) == []


def test_nothing_is_overdue_without_the_pulse() -> None:
    liveness = Liveness()
    listen(liveness, 0, 5)
    assert overdue(liveness, 60, held()) == []
    assert overdue(Liveness(), 60, held()) == []


def test_silence_is_counted_anew_after_the_pulse_was_missing() -> None:
    liveness = Liveness()
    listen(liveness, 0, 8)
    listen(liveness, 20, 29)
    assert overdue(liveness, 29, held()) == []
    listen(liveness, 30, 30)
    assert overdue(liveness, 30, held()) != []


def test_silence_before_this_process_listened_does_not_count() -> None:
    liveness = Liveness()
    listen(liveness, 0, 5)
    assert overdue(liveness, 5, held(since_ms=NOW_MS - 3_600_000)) == []


def test_most_of_the_market_silent_at_once_is_the_path_and_no_lease_lapses() -> None:
    liveness = Liveness()
    leases = [held(number) for number in range(4)]
    listen(liveness, 0, 10, 0, (0,))
    assert overdue(liveness, 10, *leases) == []
    for number in range(4, 9):
        listen(liveness, 0, 10, number)
    assert len(overdue(liveness, 10, *leases)) == 3


def test_the_idle_who_fell_silent_with_the_busy_bear_witness_for_them() -> None:
    liveness = Liveness()
    for number in range(1, 10):
        listen(liveness, 0, 5, number)
    listen(liveness, 6, 20)
    assert overdue(liveness, 20, held()) == []
    for number in range(2, 10):
        listen(liveness, 21, 21, number)
    assert overdue(liveness, 21, held()) == [(id_of("l", 1), SILENT.code)]


def test_those_who_left_long_before_bear_no_witness() -> None:
    liveness = Liveness()
    for number in range(2, 6):
        listen(liveness, 0, 5, number)
    listen(liveness, 6, 30, 1, (1,))
    listen(liveness, 31, 45)
    assert overdue(liveness, 45, held()) == [(id_of("l", 1), SILENT.code)]


def test_the_first_to_be_overdue_of_many_who_fell_silent_together_keeps_its_lease() -> None:
    liveness = Liveness()
    listen(liveness, 0, 5)
    for number in range(1, 6):
        liveness.hear(party("p", number), [id_of("l", number)], NOW_MS + 5_000 + 200 * number)
    listen(liveness, 6, 20)
    assert liveness.next_ms(NOW_MS + 15_200, PATIENCE) == NOW_MS + 15_200
    assert liveness.overdue([held(1)], NOW_MS + 15_200, PATIENCE) == []
    for number in range(3, 6):
        liveness.hear(party("p", number), [], NOW_MS + 15_200)
    assert [lease.lease_id for lease, _ in liveness.overdue([held(1)], NOW_MS + 15_200, PATIENCE)] == [id_of("l", 1)]


def test_a_lease_that_its_provider_names_no_more_lapses_however_many_are_heard() -> None:
    liveness = Liveness()
    listen(liveness, 0, 1, 1, (1,))
    for number in range(1, 5):
        listen(liveness, 2, 12, number)
    assert overdue(liveness, 12, held()) == [(id_of("l", 1), SILENT.code)]


def test_who_falls_silent_is_found_once_at_the_moment_that_was_foretold() -> None:
    liveness = Liveness()
    assert liveness.next_ms(NOW_MS, PATIENCE) is None
    listen(liveness, 0, 1, 1)
    listen(liveness, 2, 5, 2)
    listen(liveness, 6, 11)
    assert liveness.next_ms(NOW_MS + 10_999, PATIENCE) == NOW_MS + 11_000
    assert not liveness.look(NOW_MS + 10_999, PATIENCE) and liveness.look(NOW_MS + 11_000, PATIENCE)
    assert (
        not liveness.look(NOW_MS + 11_001, PATIENCE) and liveness.next_ms(NOW_MS + 11_001, PATIENCE) == NOW_MS + 15_000
    )


def test_while_the_pulse_is_missing_no_moment_is_foretold_in_which_somebody_falls_silent() -> None:
    liveness = Liveness()
    listen(liveness, 0, 5, 1)
    assert liveness.next_ms(NOW_MS + 8_000, PATIENCE) == NOW_MS + 15_000
    assert liveness.next_ms(NOW_MS + 8_001, PATIENCE) is None
    liveness.pulse(NOW_MS + 3_600_000)
    assert liveness.next_ms(NOW_MS + 3_600_000, PATIENCE) == NOW_MS + 3_610_000


def test_before_it_begins_a_lease_lives_with_its_provider_up_to_a_bound() -> None:
    liveness = Liveness()
    listen(liveness, 0, 60, 1)
    assert overdue(liveness, 59, held(is_started=False)) == []
    assert overdue(liveness, 60, held(is_started=False)) == [(id_of("l", 1), UNSTARTED.code)]


def test_a_silent_provider_is_not_matched_until_it_is_heard_again() -> None:
    liveness = Liveness()
    listen(liveness, 0, 1, 1)
    listen(liveness, 2, 11)
    liveness.look(NOW_MS + 11_000, PATIENCE)
    assert liveness.silent == {party("p", 1): "provider.silent"}
    liveness.hear(party("p", 1), [], NOW_MS + 12_000)
    assert liveness.silent == {}


@given(st.lists(st.integers(0, 60), max_size=30), st.lists(st.integers(0, 60), max_size=30), st.integers(0, 80))
def test_a_lease_never_lapses_sooner_than_its_patience_after_any_sign(
    pulses: list[int], beats: list[int], now_s: int
) -> None:
    liveness = Liveness()
    for second in sorted({*pulses, *beats}):
        if second in pulses:
            liveness.pulse(NOW_MS + second * 1_000)
        if second in beats:
            liveness.hear(party("p", 1), [id_of("l", 1)], NOW_MS + second * 1_000)
    past = [second for second in (*beats, *pulses[:1]) if second <= now_s]
    if now_s >= max([0, *pulses, *beats]) and overdue(liveness, now_s, held()):
        assert all(now_s - second >= 10 for second in beats)
        assert all(any(second < pulse <= second + 3 for pulse in pulses) for second in range(now_s - 10, now_s - 3))
        assert past


def test_a_lease_does_not_live_by_the_word_of_another_provider() -> None:
    liveness = Liveness()
    listen(liveness, 0, 10, 2, (1,))
    assert overdue(liveness, 10, held()) == [(id_of("l", 1), SILENT.code)]


def test_a_provider_cannot_fill_the_memory_with_names() -> None:
    liveness = Liveness()
    for second in range(5):
        names = [f"l{second}.{number}" for number in range(3_000)]
        liveness.hear(party("p", 1), names, NOW_MS + second)
    assert len(liveness.worked[party("p", 1)]) <= LEASES_MAX
    assert names[-1] in liveness.worked[party("p", 1)]


def test_a_heartbeat_that_cannot_be_read_names_no_lease() -> None:
    assert said_of(b'{"leases": {"la": {}, "lb": {}}, "spares": ["ka"]}') == (["la", "lb", "ka"], "")
    assert said_of(b'{"leases": {"la": {}}, "line": "S:1"}') == (["la"], "S:1")
    for broken in (
        b"",
        b"[]",
        b"{}",
        b'{"leases": 3}',
        b"\xff",
        b'{"leases": ["la"]}',
        b'{"leases": {"la": 1}, "line": 3}',
    ):
        assert said_of(broken) == ([], "")
