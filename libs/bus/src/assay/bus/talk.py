"""Talk: requester and provider of one lease speak to each other with no process between them but the server.

Both are users of the account TALK for as long as a day, made by the gateway for one lease; TABLE says what each may
say and hear, so neither reaches another lease's talk, nor speaks as the other side. What is said may be lost: both
sides number what matters. A requester may have several callers, each with an ear of its own.

    talk = await open_talk(url, creds, lease_id, Role.PROVIDER)
    await talk.hear(on_asked)
    await talk.say(b"...", caller)
"""

from collections.abc import Awaitable, Callable
from typing import Final

from nats.aio.client import Client, RawCredentials
from nats.aio.msg import Msg

from assay.bus.claims import creds_text, new_seed, public_key, user_jwt
from assay.bus.connection import confirm, open_connection
from assay.bus.faults import typed_faults
from assay.schema.values import Role

TALK_S: Final = 86_400
TABLE: Final = {
    Role.REQUESTER: ("talk.{lease}.asked.*", "talk.{lease}.told.*"),
    Role.PROVIDER: ("talk.{lease}.told.*", "talk.{lease}.asked.*"),
}
"""What each side publishes, and what it subscribes; the last token is the caller."""

Hear = Callable[[str, bytes], Awaitable[None]]
"""`hear(caller, data)`."""


def talk_creds(talk_seed: bytes, role: Role, lease_id: str, now_s: int) -> str:
    """The credentials of one side of one lease's talk. Raises KeyError for a role that has none."""
    publish, subscribe = (subject.format(lease=lease_id) for subject in TABLE[role])
    seed = new_seed("user")
    name = f"{role}-{lease_id}"
    return creds_text(user_jwt(talk_seed, public_key(seed), name, [publish], [subscribe], now_s + TALK_S), seed)


class Talk:
    """One side of a lease's talk."""

    def __init__(self, nc: Client, lease_id: str, role: Role) -> None:
        self._nc = nc
        self._publish, self._subscribe = (subject.format(lease=lease_id)[:-1] for subject in TABLE[role])

    @property
    def is_open(self) -> bool:
        """Whether what is said goes anywhere."""
        return bool(self._nc.is_connected)

    async def hear(self, on: Hear, caller: str = "*") -> None:
        """Hear what the other side says, to one caller or all of them, from when this returns."""

        async def take(raw: Msg) -> None:
            await on(raw.subject.rpartition(".")[2], raw.data)

        with typed_faults(self._subscribe):
            await self._nc.subscribe(self._subscribe + caller, cb=take)
            await confirm(self._nc)

    async def say(self, data: bytes, caller: str) -> None:
        """Say something, which may be lost. Raises Retry, Unreachable."""
        with typed_faults(self._publish):
            await self._nc.publish(self._publish + caller, data)

    async def close(self) -> None:
        """Leave."""
        if not self._nc.is_closed:
            await self._nc.close()


async def open_talk(url: str, creds: str, lease_id: str, role: Role) -> Talk:
    """This side's way into a lease's talk. Raises Unreachable."""
    return Talk(await open_connection(url, RawCredentials(creds), "talk"), lease_id, role)
