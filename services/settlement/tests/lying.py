"""A node that lies, between a caller and a true one: it hangs, refuses, is behind, counts wrong, or forgets."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import ClientSession, web

Call = dict[str, Any]
Lie = Callable[["Node", Call], Awaitable[Any]]
BEHIND = 3


@dataclass
class Node:
    """The node as its callers see it. It tells its lie so many times, each time that it is asked what it lies about."""

    truth: str
    session: ClientSession
    lie: Lie | None = None
    left: int = 0
    head: str = "0x0"
    url: str = ""
    waiting: asyncio.Event = field(default_factory=asyncio.Event)

    async def ask(self, method: str, *params: Any) -> Any:
        """What the true node answers."""
        call = {"jsonrpc": "2.0", "id": 1, "method": method, "params": list(params)}
        return (await self.pass_on(call)).get("result")

    async def pass_on(self, call: Call) -> Call:
        """The true node's whole answer."""
        async with self.session.post(self.truth, json=call) as answer:
            found: Call = await answer.json()
            return found

    async def begin(self, lie: Lie, times: int) -> None:
        """Lie from now on; what is behind stands still some blocks before this one."""
        self.head = hex(int(await self.ask("eth_blockNumber"), 16) - BEHIND)
        self.lie, self.left = lie, times

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """What a caller gets for one call, or for many at once."""
        asked = json.loads(await request.text())
        answers = [await self._one(call) for call in (asked if isinstance(asked, list) else [asked])]
        return web.json_response(answers if isinstance(asked, list) else answers[0])

    async def _one(self, call: Call) -> Any:
        if self.lie is None or self.left <= 0:
            return await self.pass_on(call)
        self.left -= 1
        answer = await self.lie(self, call)
        if answer is None:
            self.left += 1
            return await self.pass_on(call)
        return answer


@asynccontextmanager
async def lying(truth: str) -> AsyncIterator[Node]:
    """A node that tells the truth until it is told to lie."""
    async with ClientSession() as session:
        node = Node(truth, session)
        app = web.Application(client_max_size=2**24)
        app.router.add_post("/", node.answer)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        node.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        try:
            yield node
        finally:
            node.waiting.set()
            await runner.cleanup()


def with_result(call: Call, result: Any) -> Call:
    return {"jsonrpc": "2.0", "id": call["id"], "result": result}


async def hangs(node: Node, call: Call) -> Any:
    """It takes the question and never answers; a transaction it passes on."""
    if call["method"] == "eth_sendRawTransaction":
        await node.pass_on(call)
    await node.waiting.wait()
    return with_result(call, None)


async def fails(node: Node, call: Call) -> Any:
    """The server before it is overrun."""
    raise web.HTTPServiceUnavailable


async def refuses(node: Node, call: Call) -> Any:
    """Too much was asked."""
    return {"jsonrpc": "2.0", "id": call["id"], "error": {"code": -32005, "message": "limit exceeded"}}


async def is_empty(node: Node, call: Call) -> Any:
    """It has no state."""
    return with_result(call, "0x" if call["method"] == "eth_call" else None)


async def is_broken(node: Node, call: Call) -> Any:
    """It answers what nobody asked."""
    return ["<html>"]


async def is_behind(node: Node, call: Call) -> Any:
    """It stands still at a block that was the latest once, and takes no transaction."""
    method, params = call["method"], call["params"]
    if method == "eth_sendRawTransaction":
        return with_result(call, "0x" + "00" * 32)
    if method == "eth_getBlockByNumber" and params[0] not in ("latest", "pending") and later(node, params[0]):
        return with_result(call, None)
    if method == "eth_getTransactionReceipt":
        found = await node.ask(method, *params)
        return with_result(call, None if found is None or later(node, found["blockNumber"]) else found)
    if "latest" in params:
        answer: Any = await node.pass_on(
            call | {"params": [node.head if each == "latest" else each for each in params]}
        )
        return answer
    return None


async def counts_too_far(node: Node, call: Call) -> Any:
    """It says that more nonces are used than are."""
    return await _miscount(node, call, 7)


async def counts_too_few(node: Node, call: Call) -> Any:
    """It does not know the latest transactions of the key."""
    return await _miscount(node, call, -3)


async def drops(node: Node, call: Call) -> Any:
    """It thanks for a transaction and forgets it."""
    return with_result(call, "0x" + "00" * 32) if call["method"] == "eth_sendRawTransaction" else None


async def denies(node: Node, call: Call) -> Any:
    """It passes a transaction on and says that it did not."""
    if call["method"] != "eth_sendRawTransaction":
        return None
    await node.pass_on(call)
    return {"jsonrpc": "2.0", "id": call["id"], "error": {"code": -32000, "message": "nonce too low"}}


async def hides_receipts(node: Node, call: Call) -> Any:
    """It does not know what was mined."""
    return with_result(call, None) if call["method"] == "eth_getTransactionReceipt" else None


async def _miscount(node: Node, call: Call, by: int) -> Any:
    if call["method"] != "eth_getTransactionCount":
        return None
    return with_result(call, hex(max(0, int(await node.ask(call["method"], *call["params"]), 16) + by)))


def later(node: Node, number: str) -> bool:
    return int(number, 16) > int(node.head, 16)


LIES: dict[str, tuple[Lie, int]] = {
    "hangs": (hangs, 2),
    "fails": (fails, 5),
    "refuses": (refuses, 8),
    "is empty": (is_empty, 12),
    "is broken": (is_broken, 8),
    "is behind": (is_behind, 40),
    "counts too far": (counts_too_far, 3),
    "counts too few": (counts_too_few, 3),
    "drops transactions": (drops, 2),
    "denies transactions": (denies, 2),
    "hides receipts": (hides_receipts, 8),
}
"""Each lie, and how often it is told."""
