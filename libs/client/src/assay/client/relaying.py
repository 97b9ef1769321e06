"""Having something sent: a requester signs, the operator sends it and pays the gas.

The same question is asked until it is answered: asked again, nothing is sent again, and what was signed counts once.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any, Final, TypeAlias

from assay.chain import Chain, Deployment
from assay.client.errors import BadProfile
from assay.schema.errors import Refused, Retry, Unreachable
from assay.schema.relay import Relay, RelayKind

POLL_S: Final = 0.2
WITHIN_S: Final = 300.0

Ask: TypeAlias = Callable[[dict[str, Any]], Awaitable[dict[str, Any]]]
"""Asks the operator to send something, or how it fares."""


async def relayed(ask: Ask, relay: Relay, on_sent: Callable[[str], object] = lambda tx: None) -> str:
    """The transaction that did what was signed, once it is final; `on_sent` hears of it when it is on its way.

    Raises Refused as settlement did; Retry if it takes too long: then it may still happen, once.
    """
    try:
        async with asyncio.timeout(WITHIN_S):
            return await _followed(ask, relay.model_dump(mode="json"), on_sent)
    except TimeoutError:
        raise Retry(f"It was not sent within {WITHIN_S:.0f} s, and still may be.") from None


async def left(ask: Ask, exit_: Relay, on_sent: Callable[[str], object] = lambda tx: None) -> str:
    """The transaction that announced a withdrawal: at once if nothing of the requester is open, else with its notice.

    Raises as `relayed` does.
    """
    try:
        return await relayed(ask, exit_.model_copy(update={"what": RelayKind.EXIT_AT_ONCE}), on_sent)
    except Refused as refusal:
        if refusal.code != "wallet.open":
            raise
    return await relayed(ask, exit_, on_sent)


async def _followed(ask: Ask, body: dict[str, Any], on_sent: Callable[[str], object]) -> str:
    told, answer = None, await ask(body)
    while answer["state"] != "done":
        if answer["state"] == "refused":
            raise Refused(answer["code"], answer["detail"])
        if answer["tx"] != told:
            told = answer["tx"]
            on_sent(told)
        await asyncio.sleep(POLL_S)
        # It is queued, whatever becomes of the network.
        with suppress(Retry, Unreachable):
            answer = await ask(body)
    return str(answer["tx"])


@asynccontextmanager
async def linked(evm_url: str | None, deployment: Deployment) -> AsyncIterator[Chain]:
    """The chain, which says what a signature hangs on. Raises BadSettings without an address of one, Unreachable."""
    from assay.chain.client import connect  # web3 takes a second to load

    if evm_url is None:
        raise BadProfile("The profile names no EVM node: add evm_url.")
    client = await connect(evm_url, deployment)
    try:
        yield client
    finally:
        await client.close()
