"""Modules that are loaded on first use."""

import subprocess
import sys
from importlib import import_module

import pytest

import assay.proof
from assay.schema.lazily import later, without


def test_a_name_is_loaded_when_it_is_asked_for() -> None:
    look = "print('assay.proof.report' in sys.modules)"
    code = f"import sys, assay.proof\n{look}\nassay.proof.verify\n{look}"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "False\nTrue\n"


@pytest.mark.parametrize("package", ["bus", "chain", "proof", "runtime", "store"])
def test_every_name_is_where_it_is_said_to_be(package: str) -> None:
    whole = import_module(f"assay.{package}")
    for module, names in whole.HOMES.items():
        home = import_module(f"assay.{package}.{module}")
        for name in names:
            assert getattr(whole, name) is getattr(home, name)


def test_a_name_that_is_nowhere_is_refused() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = assay.proof.nothing


def test_a_module_is_out_of_reach_for_a_while_and_can_be_had_afterwards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "colorsys", raising=False)
    with without("colorsys"), pytest.raises(ImportError):
        import colorsys
    import colorsys

    with without("colorsys"):
        import colorsys as again
    assert again is colorsys


def test_what_is_imported_for_later_is_loaded_when_it_is_called(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "colorsys", raising=False)
    with later("colorsys"):
        from colorsys import rgb_to_yiq
    assert "colorsys" not in sys.modules
    assert rgb_to_yiq(0.0, 0.0, 0.0) == (0.0, 0.0, 0.0)
    assert "colorsys" in sys.modules
