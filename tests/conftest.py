"""Gives the tests of the whole network the one they share, and keeps them together when two processes run tests."""

from typing import Final

import pytest
from tests.network import models, net, tiny_model

__all__ = ["models", "net", "tiny_model"]

SHARED: Final = {"net", "models"}


@pytest.hookimpl(tryfirst=True)  # before the groups are read
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """With `--dist loadgroup` one process has the shared network; the other has what starts networks of its own."""
    for item in items:
        shares = SHARED & set(getattr(item, "fixturenames", ()))
        item.add_marker(pytest.mark.xdist_group("shared" if shares else "own"))
