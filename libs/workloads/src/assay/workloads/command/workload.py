"""A command as a workload, each segment the same command, told by `ASSAY_SEGMENT` which part is its own.

It is verified by replication (an order asks for it: several answer, two thirds of their bonds decide), or by running a
drawn segment again: bit for bit in any class of machines where the requester declares it exact, else within one class.
Either way two runs must put out the same bytes; a clock or a random number in them gets the job refunded.
"""

from collections.abc import Callable
from typing import ClassVar, Final

from assay.workloads.command.params import CommandParams
from assay.workloads.command.state import read_checkpoint, read_place, start_of, tar_of
from assay.workloads.workload import FrozenParams, Inputs, Progress, SegmentResult, distance_of_exact

CHILD_BYTES: Final = 256 << 20
"""What the child takes that starts the command."""


class Command:
    """A program in, its outputs out."""

    kind: ClassVar[str] = "command"
    Params: ClassVar[type[FrozenParams]] = CommandParams

    def plan(self, params: CommandParams) -> list[int]:
        """Return for each segment what it reserves."""
        return [params.segment_units] * params.segments

    def inputs(self, params: CommandParams) -> list[str]:
        """Return the digests of the image and of the files, each once."""
        return list(dict.fromkeys([*([params.image] if params.image else []), *params.inputs.values()]))

    def requirements(self, params: CommandParams) -> dict[str, int]:
        """Return what it may use; its files lie in memory."""
        return {"memory_bytes": params.memory_bytes + params.disk_bytes + CHILD_BYTES, "threads": params.threads}

    def box_bytes(self, params: CommandParams) -> int:
        """Return what its files, its image's among them, may take."""
        return params.disk_bytes

    def egress(self, params: CommandParams) -> tuple[str, ...]:
        """Return the hosts that it may reach."""
        return params.egress

    def start(self, params: CommandParams, inputs: Inputs) -> bytes:
        """Return the checkpoint that holds no outputs yet, bound to the job's parameters."""
        return start_of(params).encode()

    def run(
        self, params: CommandParams, inputs: Inputs, state: bytes, index: int, progress: Callable[[Progress], None]
    ) -> SegmentResult:
        """Return the outputs of a segment after those before it.

        Raises BadCheckpoint, InputMissing, NoBox, BadImage, CommandFailed, CommandNotFound, CommandTooLong, BadOutput.
        """
        from assay.workloads.command.segment import run_segment

        return run_segment(params, inputs, state, index, progress)

    def digest(self, state: bytes) -> str:
        """Return the digest over all outputs so far. Raises BadCheckpoint."""
        return read_checkpoint(state).digest

    def form(self, start: bytes) -> None:
        """Return nothing: the parameters fix the form."""

    def check_place(self, params: CommandParams, form: None, state: bytes, closed: int) -> None:
        """Raise BadCheckpoint unless it holds the outputs of so many segments of this very job."""
        read_place(params, state, closed)

    def distance(self, a: bytes, b: bytes, start: bytes) -> float:
        """Return 0 for equal outputs, else infinity: what a program means by its bytes is its own."""
        return distance_of_exact(self.digest(a), self.digest(b))

    def result(self, params: CommandParams, state: bytes) -> bytes:
        """Return all outputs as a tar archive of `SEGMENT/NAME`, the same bytes everywhere. Raises BadCheckpoint."""
        return tar_of(params, read_checkpoint(state))
