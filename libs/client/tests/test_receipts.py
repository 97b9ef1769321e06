"""`assay receipt verify` on a receipt that was written down once, and on what one flipped byte makes of it."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from assay.client.cli import app
from assay.client.commands.receipts import BROKEN

GOLDEN = Path(__file__).parent / "golden" / "receipt.json"
OPERATOR = "0xa43f344c233245dac3a1bf2cba8029df2dc723b9"
DIGEST = "f0f5dcbd63d9da265bf2c02030a342037b0263834d2db1795fd7f9c04992eeb6"


def verify(file: Path, *options: str) -> tuple[int, dict[str, object]]:
    """Exit code and answer of the command."""
    ended = CliRunner().invoke(app, ["--json", "receipt", "verify", str(file), *options])
    return ended.exit_code, json.loads(ended.stdout)


def test_a_receipt_is_verified_without_any_network() -> None:
    code, said = verify(GOLDEN, "--operator", OPERATOR)
    assert (code, said["passed"]) == (0, True)
    assert said["digest"] == DIGEST
    assert all(check["passed"] and check["sentence"] for check in said["checks"])  # type: ignore[attr-defined]


def test_people_get_a_table() -> None:
    ended = CliRunner().invoke(app, ["receipt", "verify", str(GOLDEN)])
    assert ended.exit_code == 0
    assert "what was found" in ended.output and "WRONG" not in ended.output


def test_another_operators_receipt_is_not_believed() -> None:
    code, said = verify(GOLDEN, "--operator", "0x" + "11" * 20)
    assert (code, said["passed"]) == (BROKEN, False)
    assert faults(said) == ["seal"]


@pytest.mark.parametrize("at", [0.0, 0.2, 0.4, 0.6, 0.8, 0.999])
def test_one_flipped_byte_is_found(tmp_path: Path, at: float) -> None:
    whole = bytearray(GOLDEN.read_bytes())
    place = int(at * len(whole))
    whole[place] = whole[place] % 96 + 32 if whole[place] < 126 else 32
    (tmp_path / "flipped.json").write_bytes(whole)
    code, said = verify(tmp_path / "flipped.json", "--operator", OPERATOR)
    assert (code, said["passed"], said["digest"]) == (BROKEN, False, None)
    assert faults(said)


def test_a_file_that_is_not_there_is_bad_settings(tmp_path: Path) -> None:
    code, said = verify(tmp_path / "none.json")
    assert (code, said["error"]) == (2, "input.bad")


def faults(said: dict[str, object]) -> list[str]:
    """The names of the failed checks."""
    return [check["name"] for check in said["checks"] if not check["passed"]]  # type: ignore[attr-defined]
