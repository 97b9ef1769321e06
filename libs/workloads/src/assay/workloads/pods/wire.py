"""How a segment gets into a Pod and its outcome out again: one connection, which the worker opens, and two frames.

A frame is the length of a header in eight bytes, the header as JSON, and the files whose sizes it lists. The step waits
until the worker has hung up, so that nothing is lost with a Pod that has ended.
"""

import asyncio
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any, BinaryIO, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from assay.workloads.task import Failed

LENGTH: Final = struct.Struct(">Q")
HEADER_BYTES_MAX: Final = 8 << 20
"""Commands and variables have 8 KiB a word, in JSON up to six times that."""
CHUNK_BYTES: Final = 1 << 20
AGAIN_S: Final = 0.2
Size = Annotated[int, Field(ge=0)]


class Broken(Exception):
    """The other side has hung up, or says what is no frame."""


class Frame(BaseModel):
    """What comes before files."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Segment(Frame):
    """Worker to step: what is to be run; the files are the checkpoint before, then the inputs in their order."""

    token: str
    params: dict[str, Any]
    segment: Size
    digests: tuple[str, ...]
    sizes: tuple[Size, ...]


class Outcome(Frame):
    """Step to worker: the checkpoint after, as the one file; or what it failed by."""

    failed: Failed | None = None
    compute_ms: Size = 0
    size: Size = 0


def head(frame: Frame) -> bytes:
    """Return a frame but for its files."""
    text = frame.model_dump_json().encode()
    return LENGTH.pack(len(text)) + text


def length_of(packed: bytes) -> int:
    """Return how long the header is that follows. Raises Broken."""
    if len(packed) < LENGTH.size:
        raise Broken("it hung up")
    (length,) = LENGTH.unpack(packed)
    if length > HEADER_BYTES_MAX:
        raise Broken(f"a header of {length} bytes")
    return int(length)


def receive(source: BinaryIO, allows: Callable[[Segment], bool], folder: Path) -> Segment:
    """Return a segment, its files written to `folder` by their numbers. Raises Broken, OSError."""
    try:
        told = Segment.model_validate_json(source.read(length_of(source.read(LENGTH.size))))
    except ValidationError:
        raise Broken("no segment") from None
    if not allows(told):
        raise Broken("not the one who made this Pod")
    for number, size in enumerate(told.sizes):
        with (folder / str(number)).open("wb") as file:
            for chunk in chunks_of(source, size):
                file.write(chunk)
    return told


def chunks_of(source: BinaryIO, size: int) -> Iterator[bytes]:
    """Yield so many bytes. Raises Broken where they end sooner."""
    while size:
        chunk = source.read(min(size, CHUNK_BYTES))
        if not chunk:
            raise Broken("it hung up")
        size -= len(chunk)
        yield chunk


async def exchange(
    address: tuple[str, int], segment: Segment, files: list[bytes | Path], state_max: int
) -> tuple[Outcome, bytes]:
    """Return what the step at an address makes of a segment, and the checkpoint after it.

    A step that does not listen yet is asked again, for as long as the caller lets it be. Raises Broken.
    """
    try:
        reader, writer = await connected(address)
    except OSError as error:
        raise Broken(str(error)) from error
    try:
        writer.write(head(segment))
        for file in files:
            await send(writer, file)
        packed = await reader.readexactly(LENGTH.size)
        outcome = Outcome.model_validate_json(await reader.readexactly(length_of(packed)))
        if outcome.size > state_max:
            raise Broken(f"a checkpoint of {outcome.size} bytes, of {state_max}")
        return outcome, await reader.readexactly(outcome.size)
    except (OSError, asyncio.IncompleteReadError, ValidationError) as error:
        raise Broken(type(error).__name__) from error
    finally:
        writer.close()


async def connected(address: tuple[str, int]) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Return a connection to a step, which may not listen yet. Raises OSError."""
    while True:
        try:
            return await asyncio.open_connection(*address)
        except ConnectionRefusedError:
            await asyncio.sleep(AGAIN_S)


async def send(writer: asyncio.StreamWriter, file: bytes | Path) -> None:
    """Send a file, as fast as it is taken. Raises OSError."""
    if isinstance(file, bytes):
        writer.write(file)
        await writer.drain()
        return
    with file.open("rb") as source:
        while chunk := source.read(CHUNK_BYTES):
            writer.write(chunk)
            await writer.drain()
