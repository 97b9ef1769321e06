"""Form: of work on data that nobody else has, verifiers read what was left behind, and say whether it can be right.

It is complete, signed where it has to be, of the turn that was asked for, and an update in sight no longer than its
bound. Whether it was made from the data that the provider committed to is seen by nobody (docs/adr/0029-federated.md).
"""

from collections.abc import Sequence
from typing import Final

from assay.schema.job import JobSpec
from assay.verification.methods.method import Method, Replayer, Shown
from assay.workloads import workload
from assay.workloads.task import Found
from assay.workloads.workload import Private


async def judge(replayer: Replayer, spec: JobSpec, shown: Shown, readings: Sequence[bytes]) -> list[Found]:
    """What each reading says of the claim."""
    return await replayer.judge(spec, shown, readings)


def is_private(spec: JobSpec) -> bool:
    """Whether the work is on data that stay with their provider."""
    return isinstance(workload(spec.kind), Private)


METHOD: Final = Method("form", tier="V0", misses_ppm=1_000_000, judge=judge, suits=is_private)
