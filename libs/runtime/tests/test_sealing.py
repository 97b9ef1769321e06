"""What a worker keeps at rest: whole again under its key alone, and not if a piece of it is damaged or gone."""

from pathlib import Path

import pytest

from assay.proof.sealed import KEY_BYTES, PIECE_BYTES, TAG_BYTES, unseal_pieces
from assay.runtime.sealing import seal_file
from assay.schema.errors import Refused


def read(key: bytes, sealed: Path) -> bytes:
    """What a sealed file says."""
    with sealed.open("rb") as file:
        return b"".join(unseal_pieces(key, file, sealed.stat().st_size))


@pytest.mark.parametrize("size", [0, 1, PIECE_BYTES, PIECE_BYTES + 1])
def test_what_is_sealed_is_whole_again_under_its_key(tmp_path: Path, size: int) -> None:
    clear, sealed = tmp_path / "clear", tmp_path / "sealed"
    clear.write_bytes(bytes(size))
    assert read(seal_file(clear, sealed), sealed) == bytes(size)


def test_two_files_are_sealed_under_keys_of_their_own(tmp_path: Path) -> None:
    clear, one, other = tmp_path / "clear", tmp_path / "one", tmp_path / "other"
    clear.write_bytes(b"a secret")
    keys = {seal_file(clear, one), seal_file(clear, other)}
    assert len(keys) == 2 and one.read_bytes() != other.read_bytes()
    with pytest.raises(Refused, match="damaged"):
        read(bytes(KEY_BYTES), one)


def test_a_file_that_lost_its_last_piece_is_damaged(tmp_path: Path) -> None:
    clear, sealed = tmp_path / "clear", tmp_path / "sealed"
    clear.write_bytes(bytes(PIECE_BYTES + 1))
    key = seal_file(clear, sealed)
    sealed.write_bytes(sealed.read_bytes()[: PIECE_BYTES + TAG_BYTES])
    with pytest.raises(Refused, match="damaged"):
        read(key, sealed)
