"""What the three servers share: a folder, a port kept for life, and a start that clears what a crash has left."""

import asyncio
import signal
from abc import ABC, abstractmethod
from typing import ClassVar

from assay.devnet.errors import NotReady
from assay.devnet.folder import Folder
from assay.devnet.ports import is_free
from assay.devnet.process import Process
from assay.devnet.record import Record, end

PORT_TRIES = 3
FORMER_WITHIN_S = 10.0


class Server(ABC):
    """A server with all its data under one folder; started again it has the same address and the same data."""

    name: ClassVar[str]
    stop_signal: ClassVar[signal.Signals] = signal.SIGTERM

    def __init__(self, folder: Folder) -> None:
        self.folder = folder
        self.port = 0
        self.process: Process | None = None
        self.start_ms = 0

    @abstractmethod
    async def prepare(self) -> Process:
        """The process for the folder's data and `self.port`, with everything written that it reads."""

    async def start(self) -> None:
        """Start it and return once it can be used. Raises NotReady, NotInstalled."""
        loop = asyncio.get_running_loop()
        since = loop.time()
        await self.clear()
        for tries_left in reversed(range(PORT_TRIES)):
            self.port = self.folder.ports.take(self.name)
            self.process = await self.prepare()
            try:
                await self.process.start()
                break
            except NotReady:
                # Between our look at the port and the server's, somebody else may have taken it.
                if is_free(self.port) or not tries_left:
                    raise
        self.start_ms = round((loop.time() - since) * 1000)

    async def clear(self) -> None:
        """End what a killed starter may have left running."""
        former = Record.read(self.folder.record_of(self.name))
        if former:
            await end(former, self.stop_signal, FORMER_WITHIN_S)

    async def stop(self) -> int | None:
        """Stop it in order; its exit code, None if it never ran."""
        return await self.process.stop() if self.process else None

    async def kill(self) -> None:
        """Kill it as a crash would, and return when it is gone."""
        if self.process:
            self.process.kill(signal.SIGKILL)
            await self.process.wait()
