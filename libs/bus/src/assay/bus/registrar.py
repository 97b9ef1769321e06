"""The operator's hand on accounts: makes one, has the servers and the gateway take it, or shuts it out."""

import asyncio
import json
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from nats.aio.client import Client

from assay.bus.accounts import Grant, Network, write_secret
from assay.bus.connection import open_connection
from assay.bus.faults import RETRY_S
from assay.bus.jetstream import connect
from assay.bus.port import Bus
from assay.schema.errors import Retry, Unreachable
from assay.schema.values import Role

GRANT = "assay.ask.gateway.grant"
REVOKE = "assay.ask.gateway.revoke"
WITHIN_S: Final = 60.0
"""How long a gateway that is starting, or busy, is asked again."""


class Registrar:
    """Grants and revokes access on one network. `admin_creds_file` is a core user that may ask the gateway."""

    def __init__(self, nats_url: str, network: Network, admin_creds_file: Path) -> None:
        self._url, self._network, self._admin_creds_file = nats_url, network, admin_creds_file

    async def grant(self, role: Role, participant: str, name: str) -> Grant:
        """A new account bound to the participant's id, known to servers and gateway when this returns.

        Raises Refused, and Retry or Unreachable if the gateway does not answer within WITHIN_S.
        """
        granted = self._network.grant(role.value, name)  # type: ignore[arg-type]
        async with self._system() as connection:
            await self._network.push(connection, granted.account_jwt)
        await self._tell(
            GRANT, {"account": granted.account_public, "role": role.value, "id": participant, "name": name}
        )
        return granted

    async def revoke(self, account: str) -> None:
        """Cut an account off: the gateway refuses it, and its connections are closed."""
        await self._tell(REVOKE, {"account": account})
        async with self._system() as connection:
            await self._network.revoke(connection, account)

    @asynccontextmanager
    async def _system(self) -> AsyncIterator[Client]:
        with tempfile.TemporaryDirectory() as folder:
            creds = Path(folder, "system.creds")
            write_secret(creds, self._network.system_creds().encode())
            connection = await open_connection(self._url, creds, "assay-registrar")
            try:
                yield connection
            finally:
                await connection.close()

    async def _tell(self, subject: str, body: dict[str, str]) -> None:
        bus = await connect(self._url, self._admin_creds_file, "assay-registrar")
        try:
            await ask_until_answered(bus, subject, json.dumps(body).encode())
        finally:
            await bus.close()


async def ask_until_answered(bus: Bus, subject: str, body: bytes, within_s: float = WITHIN_S) -> None:
    """Ask what may be asked twice, until there is an answer. Raises Refused; Retry or Unreachable after the time."""
    deadline = asyncio.get_running_loop().time() + within_s
    while True:
        try:
            await bus.ask(subject, body)
            return
        except (Retry, Unreachable):
            if asyncio.get_running_loop().time() > deadline:
                raise
            await asyncio.sleep(RETRY_S)
