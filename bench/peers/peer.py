"""A peer as a child process that is told rounds on its input and answers with lines of JSON."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.util import find_spec
from typing import Any, Self

from bench.load import Round
from bench.processes import tree_cpu_s

ANSWER_S = 60.0
LINE_BYTES_MAX = 2**24


class Peer:
    """A running peer."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    @classmethod
    @asynccontextmanager
    async def start(cls, package: str, module: str) -> AsyncIterator[Self | None]:
        """The peer, ready for rounds; None if its package is not installed."""
        if find_spec(package) is None:
            yield None
            return
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", module, stdin=pipe, stdout=pipe, limit=LINE_BYTES_MAX
        )
        peer = cls(process)
        try:
            await peer.answer()
            yield peer
        finally:
            assert process.stdin is not None
            process.stdin.close()
            await asyncio.wait_for(process.wait(), ANSWER_S)

    @property
    def pid(self) -> int:
        """The root of its processes."""
        return self._process.pid

    async def round(self, in_flight: int, seconds: float) -> Round:
        """One round of load."""
        assert self._process.stdin is not None
        begun_cpu_s = tree_cpu_s(self.pid)
        self._process.stdin.write(f"{in_flight} {seconds}\n".encode())
        said = await self.answer()
        cpu_s = tree_cpu_s(self.pid) - begun_cpu_s
        return Round(len(said["latencies_s"]), said["seconds"], cpu_s, tuple(said["latencies_s"]))

    async def answer(self) -> dict[str, Any]:
        """The next line that the peer says."""
        assert self._process.stdout is not None
        line = await asyncio.wait_for(self._process.stdout.readline(), ANSWER_S)
        said: dict[str, Any] = json.loads(line)
        return said
