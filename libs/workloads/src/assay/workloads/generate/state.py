"""The checkpoint of a job of batch inference: its lines so far, under a running digest that binds tokens and sketches.

A link follows from the one before, the segment's lines and its proof (tokens and sketches):

    link = BLAKE3(LINK, link before, BLAKE3(lines), BLAKE3(proof))

The digest of a checkpoint is its last link, so a committed segment is bound to all that came before it, and two links
and the segment between them are checked without the rest. Of earlier segments a checkpoint keeps the lines, which
become the result, and the proofs' digests; of the last one it keeps the proof too, until its audit.
"""

import json
from dataclasses import dataclass
from functools import cached_property

from blake3 import blake3

from assay.proof.served import GENERATED
from assay.workloads.errors import BadCheckpoint
from assay.workloads.generate.params import GenerateParams

MAGIC, LINK = GENERATED, b"assay.generate.link.1"
DIGEST_BYTES = 32
LENGTH_BYTES = 4


@dataclass(frozen=True)
class Checkpoint:
    """The link before the first segment; of each closed segment its lines and its proof's digest; the last proof."""

    start: bytes
    lines: tuple[bytes, ...] = ()
    proof_digests: tuple[bytes, ...] = ()
    proof: bytes = b""

    def link(self, segments: int) -> bytes:
        """Return the running digest over the first so many segments."""
        return self.links[segments]

    @cached_property
    def links(self) -> tuple[bytes, ...]:
        """The running digest before the first segment, and after each."""
        links = [self.start]
        for lines, proof_digest in zip(self.lines, self.proof_digests, strict=True):
            links.append(link_after(links[-1], lines, proof_digest))
        return tuple(links)

    @property
    def closed(self) -> int:
        """How many segments are closed."""
        return len(self.lines)

    def close(self, lines: bytes, proof: bytes) -> "Checkpoint":
        """Return the checkpoint after one more segment."""
        digests = (*self.proof_digests, blake3(proof).digest())
        return Checkpoint(self.start, (*self.lines, lines), digests, proof)

    def encode(self) -> bytes:
        """Return the checkpoint as bytes."""
        pairs = zip(self.lines, self.proof_digests, strict=True)
        closed = [part for lines, proof_digest in pairs for part in (sized(lines), proof_digest)]
        return b"".join((MAGIC, self.start, size_of(self.closed), *closed, sized(self.proof)))


def link_after(link: bytes, lines: bytes, proof_digest: bytes) -> bytes:
    """Return the running digest after a segment."""
    return blake3(LINK + link + blake3(lines).digest() + proof_digest).digest()


def start_of(params: GenerateParams) -> Checkpoint:
    """Return the checkpoint before the first segment, bound to the job's parameters."""
    plain = json.dumps(params.model_dump(mode="json"), sort_keys=True, separators=(",", ":"))
    return Checkpoint(blake3(MAGIC + plain.encode()).digest())


def read_checkpoint(data: bytes) -> Checkpoint:
    """Return the checkpoint in these bytes; needs no more memory than they do. Raises BadCheckpoint."""
    reader = Reader(data)
    if reader.take(len(MAGIC)) != MAGIC:
        raise BadCheckpoint("It does not begin like a checkpoint of generated text.")
    start, closed = reader.take(DIGEST_BYTES), reader.take_size()
    if closed * (LENGTH_BYTES + DIGEST_BYTES) > len(data):
        raise BadCheckpoint(f"{len(data)} bytes cannot hold {closed} segments.")
    pairs = [(reader.take_sized(), reader.take(DIGEST_BYTES)) for _ in range(closed)]
    proof = reader.take_sized()
    reader.end()
    if (blake3(proof).digest() if closed else b"") != (pairs[-1][1] if closed else proof):
        raise BadCheckpoint("The last segment's proof is not the one that its digest names.")
    return Checkpoint(start, tuple(lines for lines, _ in pairs), tuple(digest for _, digest in pairs), proof)


class Reader:
    """Bytes read from front to back, each length checked before anything is taken."""

    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0

    def take(self, size: int) -> bytes:
        """Return the next bytes. Raises BadCheckpoint if there are fewer."""
        if size > len(self._data) - self._at:
            raise BadCheckpoint(f"It ends at byte {len(self._data)}, within a part of {size} bytes.")
        self._at += size
        return self._data[self._at - size : self._at]

    def take_size(self) -> int:
        """Return the next length or count."""
        return int.from_bytes(self.take(LENGTH_BYTES), "little")

    def take_sized(self) -> bytes:
        """Return the bytes behind their length."""
        return self.take(self.take_size())

    def end(self) -> None:
        """Raise BadCheckpoint unless all was read."""
        if self._at != len(self._data):
            raise BadCheckpoint(f"{len(self._data) - self._at} bytes follow its end.")


def size_of(size: int) -> bytes:
    """Return a length or count as it is written."""
    return size.to_bytes(LENGTH_BYTES, "little")


def sized(data: bytes) -> bytes:
    """Return bytes behind their length."""
    return size_of(len(data)) + data
