"""The one folder in which everything of a network on this machine lies, and the lock that lets one starter in."""

import fcntl
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from assay.devnet.errors import AlreadyRuns, NotANetwork
from assay.devnet.ports import Ports

LOCK: Final = "run/lock"
MADE: Final = {"run", "log"}
"""What every network's folder has from its first moment on."""


@dataclass(frozen=True)
class Folder:
    """Where what lies: `run/` holds what is true while processes run, `log/` one file per process."""

    root: Path

    def __post_init__(self) -> None:
        for part in (self.root, self.run, self.log):
            part.mkdir(parents=True, exist_ok=True, mode=0o700)

    @property
    def run(self) -> Path:
        return self.root / "run"

    @property
    def log(self) -> Path:
        return self.root / "log"

    @property
    def ports(self) -> Ports:
        return Ports(self.run / "ports.json")

    def log_of(self, name: str) -> Path:
        return self.log / f"{name}.log"

    def record_of(self, name: str) -> Path:
        return self.run / f"{name}.json"


def wipe(root: Path) -> None:
    """Delete what a network has left in a folder. Raises AlreadyRuns, and NotANetwork of a folder of something else."""
    found = {path.name for path in root.iterdir()} if root.is_dir() else set()
    if not found:
        return
    is_network = found >= MADE and (root / "run" / "ports.json").is_file()
    if not is_network and not found <= MADE:
        raise NotANetwork(f"{root} is not the folder of a network.")
    if (root / LOCK).is_file():
        with Lock(root / LOCK):
            pass
    shutil.rmtree(root)


class Lock:
    """Held while the servers of a folder run; the kernel frees it however its holder ends."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.descriptor = -1

    def __enter__(self) -> Self:
        descriptor = os.open(self.file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            raise AlreadyRuns(f"Another process runs servers in {self.file.parent.parent}.") from None
        self.descriptor = descriptor
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self.descriptor)
