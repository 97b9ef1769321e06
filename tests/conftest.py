"""Gives the tests of the whole network the one they share, and keeps them together when several processes run tests."""

from typing import Final

import pytest
from tests.network import models, net, tiny_model
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

__all__ = ["models", "net", "tiny_model"]

ADVERSARIES: Final = "tests/adversaries/"
OWN: Final = (
    *("tests/integration/test_lightness.py", "tests/e2e/test_demo.py", "tests/e2e/test_stake.py"),
    *("tests/e2e/test_up.py", ADVERSARIES),
)
"""What needs no network, starts its own, or takes so long that it has one in another process."""


class ByNetwork(LoadScopeScheduling):
    """Deals out whole networks, by the paths of the tests: xdist's own groups are lost with pytest 9.2."""

    def _split_scope(self, nodeid: str) -> str:
        if nodeid.startswith(ADVERSARIES) and self.numnodes > 2:
            return "adversaries"
        return "own" if nodeid.startswith(OWN) else "shared"


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> ByNetwork | None:
    """With `--dist loadgroup` one process has the shared network, another the rest, a third the adversaries."""
    return ByNetwork(config, log) if config.getvalue("dist") == "loadgroup" else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The adversaries come last: their network would only be in the way of those that others start."""
    items.sort(key=lambda item: item.nodeid.startswith(ADVERSARIES))
