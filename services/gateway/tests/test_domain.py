import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.gateway.domain import Rates, is_bound
from assay.schema.values import PARTICIPANTS, Role


@given(st.floats(1, 1000), st.integers(1, 50), st.lists(st.integers(0, 500), max_size=200))
def test_an_account_never_gets_more_than_burst_and_rate(per_s: float, burst: int, waits_ms: list[int]) -> None:
    rates, now_ms, taken = Rates(per_s, burst), 0, 0
    for wait_ms in waits_ms:
        now_ms += wait_ms
        taken += rates.take("a", now_ms) == 0
        assert taken <= burst + per_s * now_ms / 1000 + 1e-6


@given(st.floats(1, 1000), st.integers(1, 20))
def test_whoever_waits_as_told_gets_in(per_s: float, burst: int) -> None:
    rates, now_ms = Rates(per_s, burst), 0
    for _ in range(burst * 3):
        if wait_s := rates.take("a", now_ms):
            now_ms += int(wait_s * 1000) + 1
            assert rates.take("a", now_ms) == 0


def test_accounts_do_not_share_their_rate() -> None:
    rates = Rates(1, 1)
    assert (rates.take("a", 0), rates.take("b", 0)) == (0, 0)
    assert rates.take("a", 0) > 0
    assert rates.take("a", -5_000) > 0


@pytest.mark.parametrize("role", list(Role))
def test_an_account_is_bound_to_an_id_of_its_own_role(role: Role) -> None:
    letters = {letter for letter in "rpvoxj" if is_bound(role, letter + "a" * 32)}
    assert letters == ({PARTICIPANTS[role]} if role in PARTICIPANTS and role is not Role.OBSERVER else set())
    assert is_bound(role, "") == (role is Role.OBSERVER)
