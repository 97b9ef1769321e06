"""What a token has to be, for amounts to mean what they say."""

from assay.chain.encode import encode_call
from assay.chain.errors import Reverted
from assay.chain.rpc import Rpc
from assay.chain.words import WORD_BYTES


async def fault_of(rpc: Rpc, token: str, decimals: int) -> str:
    """Why no token of so many decimals stands at this address; nothing if one does. Raises ChainUnreachable."""
    if await rpc.ask("eth_getCode", token, "latest") == "0x":
        return f"No contract stands at {token}."
    try:
        answer = await rpc.ask("eth_call", {"to": token, "data": "0x" + encode_call("decimals()").hex()}, "latest")
    except Reverted:
        answer = "0x"
    found = int(answer, 16) if len(answer) == 2 + 2 * WORD_BYTES else "no"
    if found == decimals:
        return ""
    return f"The token at {token} has {found} decimals, not {decimals}: amounts would mean others."
