"""What is wrong with a checkpoint that closes a segment: it is another state, or not of the history committed to."""

from assay.schema.job import JobSpec
from assay.verification.domain import Case
from assay.verification.methods.method import Replayer
from assay.workloads import workload
from assay.workloads.workload import Chained


async def fault_of(case: Case, segment: int, replayer: Replayer) -> str | None:
    """The code of what is wrong, if anything is. Raises Refused, BadCheckpoint, MachineFault."""
    commit, spec = case.commit_of(segment), case.granted.spec
    digests = await replayer.digests(spec, commit.checkpoint)
    if digests[-1] != commit.state_out:
        return "segment.wrong_checkpoint"
    return "segment.wrong_history" if is_chained(spec) and not case.has_gone_through(segment, digests) else None


def is_chained(spec: JobSpec) -> bool:
    """Whether a checkpoint of this work holds more than a drawn segment is judged by."""
    return isinstance(workload(spec.kind), Chained)
