"""Which subjects fit which filters."""

import pytest

from assay.bus.subjects import fits

FITTING = [
    ("a.b.c", "a.b.c"),
    ("a.*.c", "a.b.c"),
    ("a.>", "a.b"),
    ("a.>", "a.b.c"),
    (">", "a"),
    ("a.*.>", "a.b.c"),
]
OTHERS = [
    ("a.b", "a.b.c"),
    ("a.b.c", "a.b"),
    ("a.>", "a"),
    ("a.*", "a.b.c"),
    ("b.>", "a.b"),
    ("a.*.>", "a.b"),
]


@pytest.mark.parametrize(("filter_", "subject"), FITTING)
def test_a_subject_fits_its_filter(filter_: str, subject: str) -> None:
    assert fits(filter_, subject)


@pytest.mark.parametrize(("filter_", "subject"), OTHERS)
def test_another_subject_does_not(filter_: str, subject: str) -> None:
    assert not fits(filter_, subject)
