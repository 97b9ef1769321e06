"""The opening of one segment: what a check needs of a checkpoint, a few bytes a token whatever came before."""

from dataclasses import dataclass

from blake3 import blake3

from assay.workloads.errors import BadCheckpoint
from assay.workloads.generate.errors import BadOpening, ForeignOpening
from assay.workloads.generate.state import DIGEST_BYTES, Reader, link_after, read_checkpoint, sized

MAGIC = b"assay.opened.1"


@dataclass(frozen=True)
class Opening:
    """The running digest before a segment, the segment's lines and its proof."""

    before: bytes
    lines: bytes
    proof: bytes

    @property
    def after(self) -> bytes:
        """The running digest after the segment."""
        return link_after(self.before, self.lines, blake3(self.proof).digest())

    def encode(self) -> bytes:
        """Return the opening as bytes."""
        return b"".join((MAGIC, self.before, sized(self.lines), sized(self.proof)))


@dataclass(frozen=True)
class Claim:
    """What a provider committed to for one segment (digests of the states around it), and the bytes that it opened."""

    segment: int
    state_in: str
    state_out: str
    opening: bytes


def open_segment(state: bytes) -> bytes:
    """Return the opening of the last segment that a checkpoint closes. Raises BadCheckpoint."""
    checkpoint = read_checkpoint(state)
    if not checkpoint.closed:
        raise BadCheckpoint("The checkpoint closes no segment yet.")
    before = checkpoint.link(checkpoint.closed - 1)
    return Opening(before, checkpoint.lines[-1], checkpoint.proof).encode()


def read_opening(claim: Claim) -> Opening:
    """Return the opening of a claim, bound to its commitment. Raises BadOpening, ForeignOpening."""
    try:
        opening = decode(claim.opening)
    except BadOpening:
        raise
    except BadCheckpoint as error:
        raise BadOpening(error.detail) from error
    if (opening.before.hex(), opening.after.hex()) != (claim.state_in, claim.state_out):
        raise ForeignOpening(f"It does not lead from {claim.state_in} to {claim.state_out}.")
    return opening


def decode(data: bytes) -> Opening:
    """Return the opening in these bytes. Raises BadCheckpoint."""
    reader = Reader(data)
    if reader.take(len(MAGIC)) != MAGIC:
        raise BadOpening("It does not begin like the opening of a segment.")
    opening = Opening(reader.take(DIGEST_BYTES), reader.take_sized(), reader.take_sized())
    reader.end()
    return opening
