"""The smallest HTTP question that tells whether a server on loopback answers."""

import asyncio
from contextlib import suppress

from assay.devnet.ports import LOOPBACK

ANSWER_WITHIN_S = 2.0
ANSWER_BYTES_MAX = 65536


async def answers(port: int, path: str = "/", body: bytes = b"", expect: bytes = b"") -> bool:
    """Whether the server says 200 and something that holds `expect`; a body is sent as a JSON POST."""
    verb = f"POST {path}" if body else f"GET {path}"
    head = f"{verb} HTTP/1.1\r\nHost: {LOOPBACK}\r\nConnection: close\r\n"
    if body:
        head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
    with suppress(OSError, TimeoutError):
        async with asyncio.timeout(ANSWER_WITHIN_S):
            said = await exchange(port, head.encode() + b"\r\n" + body)
        return said.split(b"\r\n", 1)[0].endswith(b"200 OK") and expect in said
    return False


async def exchange(port: int, question: bytes) -> bytes:
    reader, writer = await asyncio.open_connection(LOOPBACK, port)
    try:
        writer.write(question)
        return await reader.read(ANSWER_BYTES_MAX) + await reader.read(ANSWER_BYTES_MAX)
    finally:
        writer.close()
