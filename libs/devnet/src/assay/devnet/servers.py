"""NATS, Postgres and an EVM node as one: started side by side, all their data under one folder.

async with Servers(Path("var")) as servers:
    nc = await nats.connect(servers.nats_url, user_credentials=...)
"""

import asyncio
from collections.abc import Collection, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Self

from assay.bus.accounts import Network
from assay.devnet.evm import Evm
from assay.devnet.folder import LOCK, Folder, Lock
from assay.devnet.nats import Nats
from assay.devnet.postgres import Postgres
from assay.devnet.server import Server

ALL = frozenset({"nats", "postgres", "evm"})


class Servers:
    """The servers of one folder; `only` says which of them are started."""

    def __init__(
        self,
        data: Path,
        only: Collection[str] = ALL,
        *,
        public: Sequence[str] | None = None,
        postgres_tcp: bool = False,
        block_s: float | None = None,
    ) -> None:
        self.folder = Folder(data.resolve())
        self.only = frozenset(only)
        self.nats = Nats(self.folder, public)
        self.postgres = Postgres(self.folder, postgres_tcp)
        self.evm = Evm(self.folder, block_s)
        self.held = ExitStack()

    @property
    def started(self) -> list[Server]:
        """Those that are asked for."""
        every: tuple[Server, ...] = (self.nats, self.postgres, self.evm)
        return [server for server in every if server.name in self.only]

    @property
    def start_ms(self) -> dict[str, int]:
        """How long each took until it could be used."""
        return {server.name: server.start_ms for server in self.started}

    @property
    def network(self) -> Network:
        return self.nats.network

    @property
    def nats_url(self) -> str:
        return self.nats.url

    @property
    def nats_monitor_url(self) -> str:
        return self.nats.monitor_url

    @property
    def postgres_dsn(self) -> str:
        return self.postgres.dsn

    @property
    def evm_url(self) -> str:
        return self.evm.url

    async def start(self) -> None:
        """Start them all; if one cannot, none is left. Raises NotReady, NotInstalled."""
        self.held.enter_context(Lock(self.folder.root / LOCK))
        begun = await asyncio.gather(*(server.start() for server in self.started), return_exceptions=True)
        for fault in filter(None, begun):
            await self.stop()
            raise fault

    async def stop(self) -> None:
        """Stop them all in order."""
        await asyncio.gather(*(server.stop() for server in self.started))
        self.held.close()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()
