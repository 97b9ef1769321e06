"""JSON-RPC through web3's provider, with an EVM node's many ways to say no turned into typed errors.

What is asked at the same moment goes to the node in one request.
"""

import asyncio
from collections.abc import Sequence
from typing import Any

from aiohttp import ClientError, ClientSession, TCPConnector
from web3 import AsyncHTTPProvider
from web3.types import RPCEndpoint

from assay.chain.decode import read_revert
from assay.chain.errors import ChainError, ChainUnreachable, FeeTooLow, NonceTaken, Reverted, Unfunded

TIMEOUT_S = 20
# Nodes close connections that rest for longer.
KEPT_S = 15
# Public nodes answer so many questions at once.
BATCH_MAX = 100

# What nodes say (geth's, reth's and anvil's words); the first that fits counts.
REFUSALS: tuple[tuple[str, type[ChainError]], ...] = (
    ("already known", ChainError),
    ("already imported", ChainError),
    ("nonce too low", NonceTaken),
    ("underpriced", FeeTooLow),
    ("less than block base fee", FeeTooLow),
    ("max fee per gas", FeeTooLow),
    ("insufficient funds", Unfunded),
    ("revert", Reverted),
)
KNOWN = ("already known", "already imported")


class Rpc:
    """One node, asked by method name."""

    def __init__(self, url: str) -> None:
        self.url = url
        # No retries of its own: who asks decides whether to ask again.
        self._provider = AsyncHTTPProvider(url, {"timeout": TIMEOUT_S}, exception_retry_configuration=None)
        self._is_open = False
        self._asked: list[tuple[str, list[object], asyncio.Future[Any]]] = []
        self._sending: set[asyncio.Task[None]] = set()

    async def ask(self, method: str, *params: object) -> Any:
        """Returns the node's result. Raises ChainUnreachable, or the typed refusal."""
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._asked.append((method, list(params), future))
        if len(self._asked) == 1:
            sending = asyncio.create_task(self._send())
            self._sending.add(sending)
            sending.add_done_callback(self._sending.discard)
        answer = await future
        if "error" in answer:
            raise refusal_of(method, answer["error"])
        return answer.get("result")

    async def _send(self) -> None:
        """Ask all that was asked since the loop's last turn, and give out the answers."""
        asked, self._asked = self._asked, []
        for first in range(0, len(asked), BATCH_MAX):
            some = asked[first : first + BATCH_MAX]
            try:
                answers = await self._request([(RPCEndpoint(method), params) for method, params, _ in some])
            except (ClientError, OSError, TimeoutError, ValueError) as error:
                away = ChainUnreachable(f"{some[0][0]}: {error or type(error).__name__}.")
                settle([future for *_, future in some], [away] * len(some))
            else:
                settle([future for *_, future in some], answers)

    async def _request(self, asked: list[tuple[RPCEndpoint, Any]]) -> Sequence[Any]:
        """The node's answers, in the order asked. Raises ValueError if it gives others."""
        if not self._is_open:
            self._is_open = True
            # The provider's own session makes a connection for each request.
            await self._provider.cache_async_session(ClientSession(connector=TCPConnector(keepalive_timeout=KEPT_S)))
        if len(asked) == 1:
            return [await self._provider.make_request(*asked[0])]
        answers = await self._provider.make_batch_request(asked)
        if not isinstance(answers, list) or len(answers) != len(asked):
            raise ValueError(f"{len(asked)} questions were answered by {str(answers)[:200]}")
        return answers

    async def close(self) -> None:
        """Closes the connections to the node."""
        await self._provider.disconnect()


def settle(futures: Sequence[asyncio.Future[Any]], answers: Sequence[Any]) -> None:
    """Give each asker its answer, or the error, if it still waits."""
    for future, answer in zip(futures, answers, strict=True):
        if future.done():
            continue
        if isinstance(answer, Exception):
            future.set_exception(answer)
        else:
            future.set_result(answer)


def refusal_of(method: str, error: Any) -> ChainError:
    """Returns the typed form of a node's error object."""
    fields = error if isinstance(error, dict) else {"message": str(error)}
    message = str(fields.get("message", "")).lower()
    data = fields.get("data")
    if isinstance(data, str) and data.startswith("0x") and len(data) >= 10:
        return Reverted(f"{read_revert(bytes.fromhex(data[2:]))}.")
    kind = next((kind for words, kind in REFUSALS if words in message), ChainError)
    return kind(f"{method}: {message}.")


def is_known(error: ChainError) -> bool:
    """Whether the node refused a transaction only because it has it already."""
    return any(words in error.detail for words in KNOWN)


def hexes(values: Sequence[str]) -> list[bytes]:
    """Returns the bytes of hex strings."""
    return [bytes.fromhex(value.removeprefix("0x")) for value in values]
