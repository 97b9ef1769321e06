"""Which failures are run again, and that a run which remembers nothing ends well."""

from types import SimpleNamespace

import pytest
from tests.dealing import pytest_sessionfinish
from tests.suite import AGAIN_MAX, excused

SERVED = [f"tests/scenarios/test_waiting.py::test_{number}" for number in range(AGAIN_MAX + 1)]
PURE = "libs/proof/tests/test_merkle.py::test_a_leaf_is_in_its_tree"


def test_a_few_failures_on_servers_are_run_again_and_no_others() -> None:
    assert excused(SERVED[:AGAIN_MAX], SERVED) == SERVED[:AGAIN_MAX]
    assert excused(SERVED, SERVED) == excused([SERVED[0], PURE], SERVED) == excused([], []) == []


def test_a_run_without_a_cache_ends_without_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PYTEST_XDIST_WORKER", raising=False)
    pytest_sessionfinish(SimpleNamespace(config=SimpleNamespace()))
