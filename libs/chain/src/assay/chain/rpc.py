"""JSON-RPC in web3's forms, with an EVM node's many ways to say no turned into typed errors.

What is asked at the same moment goes to the node in one request, over a session of our own: web3's keeps a cache of
sessions behind a lock that a thread takes, which costs more than the rest of a question.
"""

import asyncio
import json
from collections.abc import Sequence
from typing import Any

from aiohttp import ClientError, ClientSession, ClientTimeout, TCPConnector

from assay.chain.answers import is_usable
from assay.chain.decode import read_revert
from assay.chain.errors import ChainError, ChainUnreachable, FeeTooLow, NonceTaken, Reverted, Unfunded
from assay.schema.lazily import later

# Its key files, which nobody here writes, would take in pairings of curves: two thirds of its second.
with later("eth_keyfile", "eth_keyfile.keyfile"):
    from web3 import AsyncHTTPProvider
    from web3.types import RPCEndpoint

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
        self._provider = AsyncHTTPProvider(url)
        self._headers = self._provider.get_request_headers()
        self._session: ClientSession | None = None
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
        if not isinstance(answer, dict):
            raise ChainUnreachable(f"{method}: {str(answer)[:80]!r} is no answer.")
        if answer.get("error") is not None:
            raise refusal_of(method, answer["error"])
        result = answer.get("result")
        if not is_usable(method, result):
            raise ChainUnreachable(f"{method}: {str(result)[:80]!r} is no answer.")
        return result

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
        forms = [self._provider.form_request(method, params) for method, params in asked]
        if len(forms) == 1:
            return [await self._post(forms[0])]
        answers = await self._post(forms)
        if not isinstance(answers, list) or len(answers) != len(forms):
            raise ValueError(f"{len(forms)} questions were answered by {str(answers)[:200]}")
        by_id = {answer.get("id"): answer for answer in answers if isinstance(answer, dict)}
        return [by_id.get(form["id"]) for form in forms]

    async def _post(self, asked: object) -> Any:
        if self._session is None:
            connector, timeout = TCPConnector(keepalive_timeout=KEPT_S), ClientTimeout(TIMEOUT_S)
            self._session = ClientSession(connector=connector, timeout=timeout, headers=self._headers)
        async with self._session.post(self.url, data=json.dumps(asked).encode()) as answer:
            answer.raise_for_status()
            return json.loads(await answer.read())

    async def close(self) -> None:
        """Closes the connections to the node."""
        if self._session is not None:
            await self._session.close()


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
        raw = bytes.fromhex(data[2:])
        return Reverted(f"{read_revert(raw)}.", data=raw)
    kind = next((kind for words, kind in REFUSALS if words in message), ChainError)
    return kind(f"{method}: {message}.")


def is_known(error: ChainError) -> bool:
    """Whether the node refused a transaction only because it has it already."""
    return any(words in error.detail for words in KNOWN)


def hexes(values: Sequence[str]) -> list[bytes]:
    """Returns the bytes of hex strings."""
    return [bytes.fromhex(value.removeprefix("0x")) for value in values]
