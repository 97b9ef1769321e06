"""The world outside of a box, as a proxy meets it: names are resolved once, and what was looked at is connected to."""

import asyncio
import socket
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

from assay.workloads.egress.errors import NotReached
from assay.workloads.egress.rules import is_public

Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]
CONNECT_S: Final = 10.0
TRIED_MAX: Final = 4
READ_BYTES: Final = 16 << 10
"""A head is no longer; twice as much is read ahead of either side at most."""
RESOLVING: Final = ThreadPoolExecutor(64, thread_name_prefix="egress")
"""Threads of their own: whoever owns a slow name server holds up nothing else in a worker. Of one box few at a time."""


async def resolve(host: str) -> list[str]:
    """Return the addresses of a whole name. Raises OSError."""

    def ask() -> list[str]:
        found = socket.getaddrinfo(f"{host}.", None, type=socket.SOCK_STREAM)
        return list(dict.fromkeys(str(each[4][0]) for each in found))

    return await asyncio.get_running_loop().run_in_executor(RESOLVING, ask)


async def connect(address: str, port: int) -> Stream:
    """Return a connection to this very address. Raises OSError."""
    return await asyncio.open_connection(address, port, limit=READ_BYTES)


@dataclass(frozen=True, slots=True)
class Outside:
    """How names become addresses, and addresses connections; a test hands in a world of its own."""

    resolve: Callable[[str], Awaitable[list[str]]] = resolve
    connect: Callable[[str, int], Awaitable[Stream]] = connect

    async def reach(self, host: str, port: int, lookups: asyncio.Semaphore) -> Stream:
        """Return a connection to a host all of whose addresses may be reached. Raises NotReached.

        `lookups` are those that the box may have under way: one that is waited for no more still has its thread.
        """
        try:
            async with asyncio.timeout(CONNECT_S):
                await lookups.acquire()
                found = asyncio.ensure_future(self.resolve(host))
                found.add_done_callback(lambda _: lookups.release())
                addresses = await asyncio.shield(found)
        except (OSError, UnicodeError):
            raise NotReached("egress.unresolved", f"{host} has no address here.") from None
        if held := [each for each in addresses if not is_public(each) or is_own(each)]:
            raise NotReached("egress.address", f"{host} is at {held[0]}, which is not to be reached from here.")
        for address in addresses[:TRIED_MAX]:
            try:
                async with asyncio.timeout(CONNECT_S):
                    return await self.connect(address, port)
            except OSError:
                continue
        raise NotReached("egress.unreachable", f"{host}:{port} does not answer.")


OPEN: Final = Outside()
"""The internet, by this machine's own resolver."""


def is_own(address: str) -> bool:
    """Whether an address is one of this machine's: then the way to it begins where it ends. Nothing is sent."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((address, 9))
            return bool(probe.getsockname()[0] == address)
    except OSError:
        return False
