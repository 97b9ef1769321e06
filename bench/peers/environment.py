"""The environment of those whose packages clash with the project's: `var/peers`, made when a benchmark asks for it.

It is pinned by `requirements/peers.lock` and takes 0.8 GB. torch and the project itself are those of the environment
that the benchmark runs in, found after its own packages.
"""

import subprocess
import sys
import sysconfig
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
FOLDER: Final = ROOT / "var/peers"
LOCK: Final = ROOT / "requirements/peers.lock"
UV: Final = ROOT / ".tools/bin/uv"
WITHIN_S: Final = 600
WORDS_MAX: Final = 120


class NotInstalled(Exception):
    """The environment cannot be made; its words are the installer's."""


@lru_cache(maxsize=1)
def python() -> str:
    """The interpreter that has the peers, installed now if they are not. Raises NotInstalled."""
    found, stamp, wanted = FOLDER / "bin/python", FOLDER / ".installed", sha256(LOCK.read_bytes()).hexdigest()
    if not stamp.exists() or stamp.read_text() != wanted:
        print("  installing the peers into var/peers (0.8 GB)", flush=True)
        run(UV, "venv", "-q", "--clear", "--python", sys.executable, FOLDER)
        run(UV, "pip", "install", "-q", "-p", FOLDER, "--no-deps", "--require-hashes", "--compile-bytecode", "-r", LOCK)
        (own,) = FOLDER.glob("lib/*/site-packages")
        ours = sysconfig.get_path("purelib")
        # Where packages of both have a name, the peers' own comes first.
        (own / "last.pth").write_text(f"import site; site.addsitedir({ours!r})\n{ROOT}\n")
        stamp.write_text(wanted)
    return str(found)


def run(*words: str | Path) -> None:
    """Run a command. Raises NotInstalled."""
    try:
        done = subprocess.run(words, capture_output=True, text=True, timeout=WITHIN_S, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NotInstalled(str(error)[:WORDS_MAX]) from None
    if done.returncode:
        raise NotInstalled(" ".join(done.stderr.split())[:WORDS_MAX])
