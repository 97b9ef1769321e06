"""Gives the tests of the whole network the one they share, and keeps them together when two processes run tests."""

from pathlib import Path
from typing import Final

import pytest
from tests.network import models, net, tiny_model

__all__ = ["models", "net", "tiny_model"]

SHARED: Final = {"net", "models"}
ADVERSARIES: Final = Path(__file__).parent / "adversaries"


@pytest.hookimpl(tryfirst=True)  # before the groups are read
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """With `--dist loadgroup` one process has the shared network; the other has what starts networks of its own.

    The adversaries come last, and then to a network of the other process: so both have about as much to do.
    """
    items.sort(key=is_adversarys)
    for item in items:
        shares = SHARED & set(getattr(item, "fixturenames", ())) and not is_adversarys(item)
        item.add_marker(pytest.mark.xdist_group("shared" if shares else "own"))


def is_adversarys(item: pytest.Item) -> bool:
    """Whether a test is one of the adversaries'."""
    return item.path.is_relative_to(ADVERSARIES)
