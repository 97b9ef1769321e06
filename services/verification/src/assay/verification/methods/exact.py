"""Exact replay: a drawn segment that computes exactly is run again, and comes to the same bits on whatever machine.

There is no tolerance, and so nothing that a cheat could hide in; only what fixes every bit by itself admits it.
"""

from typing import Final

from assay.schema.job import JobSpec
from assay.verification.methods.method import Before, Compared, Method, Replayer
from assay.workloads import read_params
from assay.workloads.errors import BadCheckpoint


async def compare(replayer: Replayer, spec: JobSpec, mine: bytes, theirs: bytes, before: Before) -> Compared:
    """Whether two checkpoints hold the same state to the last bit."""
    try:
        is_equal = mine == theirs or await replayer.digest(spec, mine) == await replayer.digest(spec, theirs)
    except BadCheckpoint:
        is_equal = False
    return Compared(True, "segment.equal", 0.0) if is_equal else Compared(False, "segment.mismatch", None)


def is_exact(spec: JobSpec) -> bool:
    """Whether the job's parameters ask for exact numerics."""
    return getattr(read_params(spec.kind, spec.params), "numerics", None) == "exact"


METHOD: Final = Method("exact", tier="V5", misses_ppm=0, compare=compare, suits=is_exact)
