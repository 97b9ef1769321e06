"""What loading beforehand does to the garbage collector, with a module that notes how it was loaded."""

import gc
import sys
import weakref
from collections.abc import Iterator
from pathlib import Path

import pytest

from assay.workloads.preload import LIBRARIES, preload

TOY = "assay_toy_library"


class Knot:
    """Something that holds itself, so that only the collector frees it."""

    def __init__(self) -> None:
        self.own = self


@pytest.fixture(autouse=True)
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    (tmp_path / f"{TOY}.py").write_text("import gc\nwas_collected = gc.isenabled()\nheld = [[]]\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setitem(LIBRARIES, "toy", (TOY,))
    yield
    sys.modules.pop(TOY, None)
    gc.unfreeze()


def test_libraries_are_loaded_without_looking_for_garbage_and_never_looked_through_afterwards() -> None:
    preload(("toy",))
    assert not sys.modules[TOY].was_collected
    assert gc.isenabled()
    assert not any(each is sys.modules[TOY].held for each in gc.get_objects())


def test_what_a_task_leaves_behind_is_freed_though_the_next_one_is_loaded_for_again() -> None:
    preload(("toy",))
    knot = Knot()
    left = weakref.ref(knot)
    del knot
    preload(("toy",))
    gc.collect()
    assert left() is None


def test_a_library_that_is_not_installed_leaves_the_collector_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(LIBRARIES, "toy", ("assay_no_such_library",))
    preload(("toy",))
    assert gc.isenabled()
