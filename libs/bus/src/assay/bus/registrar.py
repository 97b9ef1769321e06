"""The operator's hand on accounts: makes one, has the servers and the gateway take it, or shuts it out."""

import json
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import nats
from nats.aio.client import Client

from assay.bus.accounts import Grant, Network, write_secret
from assay.bus.jetstream import connect
from assay.schema.values import Role

GRANT = "assay.ask.gateway.grant"
REVOKE = "assay.ask.gateway.revoke"


class Registrar:
    """Grants and revokes access on one network. `admin_creds_file` is a core user that may ask the gateway."""

    def __init__(self, nats_url: str, network: Network, admin_creds_file: Path) -> None:
        self._url, self._network, self._admin_creds_file = nats_url, network, admin_creds_file

    async def grant(self, role: Role, participant: str, name: str) -> Grant:
        """A new account bound to the participant's id, known to servers and gateway when this returns."""
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
            connection = await nats.connect(self._url, user_credentials=str(creds))
            try:
                yield connection
            finally:
                await connection.close()

    async def _tell(self, subject: str, body: dict[str, str]) -> None:
        bus = await connect(self._url, self._admin_creds_file, "assay-registrar")
        try:
            await bus.ask(subject, json.dumps(body).encode())
        finally:
            await bus.close()
