"""Readers of streams: raw sockets, so that little but the way is measured."""

import asyncio
import json
import time
from dataclasses import dataclass, field
from typing import Final

from bench.streaming.sides import MODEL, SECRET

SPREAD_S: Final = 0.003
"""Between the beginnings of streams that run at the same time."""


@dataclass
class Read:
    """One answer: from the question to the first token; for each later one from its stamp; all in ms."""

    first_ms: float = 0.0
    late_ms: list[float] = field(default_factory=list)
    positions: list[int] = field(default_factory=list)
    longest_ms: float = 0.0


async def read_many(port: int, streams: int, tokens: int) -> list[Read]:
    """What so many readers read at a time."""
    return await asyncio.gather(*(read_one(port, tokens, at * SPREAD_S) for at in range(streams)))


async def read_one(port: int, tokens: int, after_s: float) -> Read:
    """One answer, read as it comes."""
    await asyncio.sleep(after_s)
    body = {"model": MODEL, "messages": [{"role": "user", "content": "hi"}], "max_tokens": tokens, "stream": True}
    raw = json.dumps(body).encode()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    head = f"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {SECRET}\r\n"
    begun_ns = last_ns = time.time_ns()
    writer.write(head.encode() + f"content-length: {len(raw)}\r\n\r\n".encode() + raw)
    read = Read()
    async for line in reader:
        now_ns = time.time_ns()
        if line.startswith(b"data: [DONE]"):
            break
        if not line.startswith(b"data: {") or not (text := content_of(line)):
            continue
        position, _, stamp_ns = text.partition(":")
        if read.positions:
            read.late_ms.append((now_ns - int(stamp_ns)) / 1e6)
            read.longest_ms = max(read.longest_ms, (now_ns - last_ns) / 1e6)
        else:
            read.first_ms = (now_ns - begun_ns) / 1e6
        read.positions.append(int(position))
        last_ns = now_ns
    writer.close()
    return read


def content_of(line: bytes) -> str:
    """The text of an event."""
    choices = json.loads(line.removeprefix(b"data: ")).get("choices")
    return str(choices[0]["delta"].get("content", "")) if choices else ""


def quantile(values: list[float], part: float) -> float:
    """The value below which so large a part lies."""
    return sorted(values)[min(len(values) - 1, int(len(values) * part))]
