"""Files and functions stay small, so that the reader sees the architecture from the folders."""

from statistics import median

from tests.architecture.sources import ROOT, files, functions, lines

BANNED = {"utils", "helpers", "common", "base", "misc"}


def test_no_file_is_over_300_lines_and_half_are_under_100() -> None:
    sizes = {str(file.relative_to(ROOT)): lines(file) for file in files()}
    assert {name: size for name, size in sizes.items() if size > 300} == {}
    assert median(sizes.values()) < 100


def test_no_function_is_over_40_lines_and_half_are_under_10() -> None:
    sizes = dict(functions())
    assert {place: size for place, size in sizes.items() if size > 40} == {}
    assert median(sizes.values()) < 10


def test_every_main_is_at_most_40_lines() -> None:
    mains = [file for file in files() if file.name == "main.py"]
    assert len(mains) == 7
    assert {str(file.relative_to(ROOT)): lines(file) for file in mains if lines(file) > 40} == {}


def test_no_file_has_a_name_that_says_nothing() -> None:
    assert [file for file in files() if file.stem in BANNED] == []


def test_the_namespace_stays_open_for_plug_ins() -> None:
    assert list(ROOT.glob("*/*/src/assay/__init__.py")) == []
