"""The digest of the code that does a kind of work."""

from pathlib import Path

from assay.workloads.code import code_of, sources


def test_any_changed_byte_of_code_is_another_code(tmp_path: Path) -> None:
    (tmp_path / "inner").mkdir()
    for name in ("one.py", "inner/two.py", "not_code.txt"):
        (tmp_path / name).write_text("1")
    before = sorted(sources(tmp_path))
    (tmp_path / "inner" / "two.py").write_text("2")
    after = sorted(sources(tmp_path))
    assert len(before) == 2 and [a == b for a, b in zip(before, after, strict=True)].count(False) == 1


def test_a_release_has_one_code(tmp_path: Path) -> None:
    assert code_of("noop") == code_of("noop") and len(code_of("noop")) == 64
