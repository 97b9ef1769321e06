"""What is fetched is written whole or not at all."""

import io
import os
from pathlib import Path

import pytest

from assay.client import data
from assay.client.commands.jobs import receipt_beside
from assay.client.data import fill, write_out
from assay.proof.job_seal import seal_job_pieces
from assay.schema.errors import Refused

KEY = bytes(range(32))
CLEAR = os.urandom(3 << 20)


def test_what_was_fetched_takes_the_place_of_what_stood_there_and_keeps_its_mode(tmp_path: Path) -> None:
    (came := tmp_path / "came").write_bytes(CLEAR)
    (target := tmp_path / "result").write_text("earlier")
    target.chmod(0o600)
    write_out(came, None, target)
    assert (target.read_bytes(), target.stat().st_mode & 0o777) == (CLEAR, 0o600)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["came", "result"]


@pytest.mark.parametrize("stood", [b"earlier", None])
def test_what_cannot_be_opened_to_its_end_leaves_what_stood_there(tmp_path: Path, stood: bytes | None) -> None:
    sealed = b"".join(seal_job_pieces(KEY, io.BytesIO(CLEAR), len(CLEAR)))
    (came := tmp_path / "came").write_bytes(sealed[:-1] + bytes([sealed[-1] ^ 1]))
    target = tmp_path / "result"
    if stood:
        target.write_bytes(stood)
    with pytest.raises(Refused, match=r"blob\.unopened"):
        write_out(came, KEY, target)
    assert (target.read_bytes() if target.exists() else None) == stood
    came.write_bytes(sealed)
    write_out(came, KEY, target)
    assert target.read_bytes() == CLEAR


def test_a_link_is_followed_and_a_device_stays_one(tmp_path: Path) -> None:
    (came := tmp_path / "came").write_bytes(CLEAR)
    (tmp_path / "link").symlink_to(tmp_path / "result")
    write_out(came, None, tmp_path / "link")
    assert (tmp_path / "link").is_symlink() and (tmp_path / "result").read_bytes() == CLEAR
    write_out(came, None, Path("/dev/null"))
    assert Path("/dev/null").is_char_device()


def test_no_file_that_stands_beside_it_is_written_to_and_nobody_else_reads_it_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (came := tmp_path / "came").write_bytes(CLEAR)
    (other := tmp_path / "another's").write_text("kept")
    (tmp_path / ".result.part").symlink_to(other)
    (target := tmp_path / "result").touch(0o600)
    modes = list[int]()

    def look(came: Path, key: bytes | None, part: Path) -> None:
        fill(came, key, part)
        modes.append(part.stat().st_mode & 0o777)

    monkeypatch.setattr(data, "fill", look)
    write_out(came, None, target)
    assert (modes, other.read_text(), target.read_bytes()) == ([0o600], "kept", CLEAR)


def test_results_that_differ_by_their_ending_have_a_receipt_each() -> None:
    names = [receipt_beside(Path(name)).name for name in ("model.v1", "model.v2", "j1.result", "plain")]
    assert names == [f"{name}.receipt.json" for name in ("model.v1", "model.v2", "j1.result", "plain")]


def test_a_folder_is_no_place_for_it(tmp_path: Path) -> None:
    (came := tmp_path / "came").write_bytes(CLEAR)
    with pytest.raises(IsADirectoryError):
        write_out(came, None, tmp_path)
