"""The checkpoint of a command: what each closed segment has put out, in the order in which outputs are declared."""

import io
import json
import tarfile
from dataclasses import dataclass
from functools import cached_property

from blake3 import blake3

from assay.workloads.command.params import CommandParams
from assay.workloads.errors import BadCheckpoint
from assay.workloads.generate.state import DIGEST_BYTES, LENGTH_BYTES, Reader, size_of, sized

MAGIC = b"assay.command.01"


@dataclass(frozen=True)
class Checkpoint:
    """What the job is, and of each closed segment the outputs."""

    job: bytes
    closed: tuple[tuple[bytes, ...], ...] = ()

    @cached_property
    def digest(self) -> str:
        """What names this very state."""
        return blake3(self.encode()).hexdigest()

    def close(self, outputs: tuple[bytes, ...]) -> "Checkpoint":
        """Return the checkpoint after one more segment."""
        return Checkpoint(self.job, (*self.closed, outputs))

    def encode(self) -> bytes:
        """Return the checkpoint as bytes."""
        parts = [part for outputs in self.closed for part in (size_of(len(outputs)), *map(sized, outputs))]
        return b"".join((MAGIC, self.job, size_of(len(self.closed)), *parts))


def start_of(params: CommandParams) -> Checkpoint:
    """Return the checkpoint before the first segment, bound to the job's parameters."""
    plain = json.dumps(params.model_dump(mode="json"), sort_keys=True, separators=(",", ":"))
    return Checkpoint(blake3(MAGIC + plain.encode()).digest())


def read_checkpoint(data: bytes) -> Checkpoint:
    """Return the checkpoint in these bytes; needs no more memory than they do. Raises BadCheckpoint."""
    reader = Reader(data)
    if reader.take(len(MAGIC)) != MAGIC:
        raise BadCheckpoint("It does not begin like the checkpoint of a command.")
    job = reader.take(DIGEST_BYTES)
    closed = tuple(read_outputs(reader, len(data)) for _ in range(bounded(reader.take_size(), len(data))))
    reader.end()
    return Checkpoint(job, closed)


def read_place(params: CommandParams, data: bytes, segment: int) -> Checkpoint:
    """Return the checkpoint that a segment of this job begins with. Raises BadCheckpoint."""
    found = read_checkpoint(data)
    if found.job != start_of(params).job or len(found.closed) != segment:
        raise BadCheckpoint(f"It is not the checkpoint that segment {segment} of this job begins with.")
    return found


def read_outputs(reader: Reader, size: int) -> tuple[bytes, ...]:
    """Return one segment's outputs."""
    return tuple(reader.take_sized() for _ in range(bounded(reader.take_size(), size)))


def bounded(count: int, size: int) -> int:
    """Return a count of parts that so many bytes can hold. Raises BadCheckpoint."""
    if count * LENGTH_BYTES > size:
        raise BadCheckpoint(f"{size} bytes cannot hold {count} parts.")
    return count


def tar_of(params: CommandParams, checkpoint: Checkpoint) -> bytes:
    """Return all outputs as an archive without times or owners. Raises BadCheckpoint."""
    held = io.BytesIO()
    with tarfile.open(fileobj=held, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for segment, outputs in enumerate(checkpoint.closed):
            if len(outputs) != len(params.outputs):
                raise BadCheckpoint(f"Segment {segment} has {len(outputs)} outputs, not {len(params.outputs)}.")
            for name, content in zip(params.outputs, outputs, strict=True):
                entry = tarfile.TarInfo(f"{segment}/{name}")
                entry.size = len(content)
                archive.addfile(entry, io.BytesIO(content))
    return held.getvalue()
