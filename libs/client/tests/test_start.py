"""The `assay` command as a shell starts it: with a full disk behind it, and in a locale that is not UTF-8."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

RECEIPT = Path(__file__).parent / "golden" / "receipt.json"
ASCII = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "COLUMNS": "80"}
COMMAND = (sys.executable, "-c", "from assay.client.start import main; main()")


def started(*words: object, to: str | None = None, **variables: str) -> subprocess.CompletedProcess[bytes]:
    """The command once it has ended; what it prints goes into the file `to`, if there is one."""
    with Path(to or os.devnull).open("wb") as file:
        where = file if to else subprocess.PIPE
        env = os.environ | variables
        return subprocess.run([*COMMAND, *map(str, words)], stdout=where, stderr=subprocess.PIPE, env=env, check=False)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device stands for a full disk here")
@pytest.mark.parametrize(
    "words", [["--help"], ["receipt", "verify", RECEIPT], ["--json", "receipt", "verify", RECEIPT]]
)
def test_a_full_disk_ends_a_command_in_a_sentence(words: list[object]) -> None:
    ended = started(*words, to="/dev/full")
    assert ended.returncode == 2
    assert (
        ended.stderr.startswith(b"path.bad ") and b"No space left" in ended.stderr and b"Traceback" not in ended.stderr
    )


def test_a_terminal_without_the_letters_is_shown_what_it_can(tmp_path: Path) -> None:
    ended = started("receipt", "verify", RECEIPT, **ASCII)
    assert (ended.returncode, ended.stderr) == (0, b"")
    assert b"The receipt holds." in ended.stdout and ended.stdout.isascii()


def test_what_a_file_says_does_not_hang_on_the_locale(tmp_path: Path) -> None:
    (tmp_path / "job.json").write_text('{"kind": "f\u00fcr", "price_limit": 1, "colour": "\u00fc"}', encoding="utf-8")
    ended = started("submit", tmp_path / "job.json", **ASCII)
    assert (ended.returncode, b"colour" in ended.stderr, b"codec" in ended.stderr) == (1, True, False)
    # It goes out as it came in, since what is signed is made of it.
    script = "import sys; from pathlib import Path; from assay.client.asked import read_file as r; "
    script += "print(ascii(r(Path(sys.argv[1]))['kind']))"
    read = subprocess.run(
        [sys.executable, "-c", script, tmp_path / "job.json"], env=os.environ | ASCII, capture_output=True
    )
    assert read.stdout.strip() == b"'f\\xfcr'"
