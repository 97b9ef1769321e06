"""JSON-RPC through web3's provider, with an EVM node's many ways to say no turned into typed errors."""

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

    async def ask(self, method: str, *params: object) -> Any:
        """Returns the node's result. Raises ChainUnreachable, or the typed refusal."""
        if not self._is_open:
            self._is_open = True
            # The provider's own session makes a connection for each question.
            await self._provider.cache_async_session(ClientSession(connector=TCPConnector(keepalive_timeout=KEPT_S)))
        try:
            answer = await self._provider.make_request(RPCEndpoint(method), list(params))
        except (ClientError, OSError, TimeoutError, ValueError) as error:
            raise ChainUnreachable(f"{method}: {error or type(error).__name__}.") from error
        if "error" in answer:
            raise refusal_of(method, answer["error"])
        return answer.get("result")

    async def close(self) -> None:
        """Closes the connections to the node."""
        await self._provider.disconnect()


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
