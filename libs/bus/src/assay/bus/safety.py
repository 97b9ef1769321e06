"""Whether the servers keep on disk what they acknowledge, before anything is trusted to them.

A power cut of servers that sync now and then has lost every acknowledged message, and the streams themselves; with
`sync_interval: always` none were lost (docs/adr). `strict: false` lets a reply subject reach the JetStream API.
"""

import asyncio
import json
import urllib.request
from typing import Any, Final

from nats.aio.client import Client
from nats.errors import Error as NatsError

from assay.bus.accounts import SERVERS
from assay.schema.errors import Unsafe

FIRST_ANSWER_S: Final = 5.0
MORE_ANSWERS_S: Final = 0.3
MONITORING_S: Final = 30.0


async def check_servers(nc: Client, monitoring_url: str | None) -> None:
    """Raises Unsafe unless every JetStream server that answers syncs always and is strict, and one answers.

    The servers are asked over the connection where the core account imports the question from the system account;
    else one server's monitoring address is.
    """
    found = await _ask_servers(nc)
    if not found and monitoring_url:
        found = [await asyncio.to_thread(_read_monitoring, monitoring_url)]
    if not found:
        raise Unsafe(f"No server tells its settings: export {SERVERS} to the account, or give a monitoring address.")
    for config in found:
        if not config.get("sync_always"):
            raise Unsafe("A NATS server does not sync each write: set `sync_interval: always` in its jetstream block.")
        if not config.get("strict"):
            raise Unsafe("A NATS server takes lenient requests: remove `strict: false` from its jetstream block.")


async def _ask_servers(nc: Client) -> list[dict[str, Any]]:
    answers: asyncio.Queue[bytes] = asyncio.Queue()
    inbox = nc.new_inbox()

    async def hear(raw: Any) -> None:
        await answers.put(raw.data)

    try:
        subscription = await nc.subscribe(inbox, cb=hear)
        await nc.publish(SERVERS, b"{}", reply=inbox)
        found = [config async for config in _until_quiet(answers)]
        await subscription.unsubscribe()
    except NatsError as error:
        raise Unsafe(f"The servers cannot be asked: {error}.") from error
    return found


async def _until_quiet(answers: asyncio.Queue[bytes]) -> Any:
    wait_s = FIRST_ANSWER_S
    while True:
        try:
            async with asyncio.timeout(wait_s):
                data = await answers.get()
        except TimeoutError:
            return
        if not data:
            return  # The server itself says that nobody answers.
        wait_s = MORE_ANSWERS_S
        if config := json.loads(data).get("data", {}).get("config"):
            yield config


def _read_monitoring(url: str) -> dict[str, Any]:
    try:
        with urllib.request.urlopen(f"{url.rstrip('/')}/jsz", timeout=MONITORING_S) as answer:
            config: dict[str, Any] = json.load(answer).get("config", {})
            return config
    except (OSError, ValueError) as error:
        raise Unsafe(f"The monitoring address {url} does not tell the settings: {error}.") from error
