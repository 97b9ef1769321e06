"""Both ways, running: NATS with accounts, two workers, the door, and beside them the engine behind uvicorn."""

import asyncio
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from assay.bus.talk import talk_creds
from assay.devnet.folder import Folder
from assay.devnet.nats import Nats
from assay.schema.values import Role
from bench.streaming.sides import WORKERS

UP_S: Final = 120.0


@dataclass
class Ways:
    """What runs."""

    folder: Path
    processes: dict[str, subprocess.Popen[bytes]]

    def port_of(self, way: str) -> int:
        """Where a way is asked."""
        return int((self.folder / f"{way}.port").read_text())

    def kill(self) -> None:
        """Kill a worker at once."""
        self.processes[WORKERS[0]].kill()


@asynccontextmanager
async def open_ways(folder: Path) -> AsyncIterator[Ways]:
    """Both ways for as long as the block."""
    server = Nats(Folder(folder / "nats"))
    await server.start()
    ways = Ways(folder, {})
    try:
        (folder / "url").write_text(server.url)
        for lease in WORKERS:
            for role in (Role.REQUESTER, Role.PROVIDER):
                creds = talk_creds(server.network.talk_seed, role, lease, int(time.time()))
                (folder / f"{lease}.{role.value}").write_text(creds)
        sides = {"direct": "direct", **dict.fromkeys(WORKERS, "worker"), "served": "door"}
        ways.processes = {name: start(side, folder, name) for name, side in sides.items()}
        async with asyncio.timeout(UP_S):
            while not all((folder / f"{name}.port").exists() for name in ("direct", "served")):
                await asyncio.sleep(0.1)
        yield ways
    finally:
        for process in ways.processes.values():
            process.kill()
            process.wait()
        await server.stop()


def start(side: str, folder: Path, name: str) -> subprocess.Popen[bytes]:
    """A process of one side."""
    return subprocess.Popen([sys.executable, "-m", "bench.streaming", side, str(folder), name])
