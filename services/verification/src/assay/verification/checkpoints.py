"""What is wrong with a checkpoint that was committed to: another state, none to go on from, or of another history."""

from assay.schema.job import JobSpec
from assay.schema.values import Digest
from assay.verification.domain import Case
from assay.verification.methods.method import Opened, Replayer
from assay.workloads import workload
from assay.workloads.workload import Chained

BAD, WRONG, HISTORY = "segment.bad_checkpoint", "segment.wrong_checkpoint", "segment.wrong_history"


async def fault_after(case: Case, segment: int, replayer: Replayer) -> str | None:
    """The code of what is wrong with what a segment ends in. Raises Refused, BadCheckpoint, MachineFault."""
    commit, spec = case.commit_of(segment), case.granted.spec
    opened = await replayer.open(spec, commit.checkpoint, segment + 1)
    if is_chained(spec) and opened.digests[-1] == commit.state_out:
        return None if case.has_gone_through(segment, opened.digests) else HISTORY
    return misfit(opened, commit.state_out)


async def fault_before(case: Case, segment: int, replayer: Replayer) -> str | None:
    """The code of what is wrong with what a segment starts from; whoever ran it has seen that.

    Raises Refused, BadCheckpoint, MachineFault.
    """
    before = case.checkpoint_before(segment)
    if before is None:
        return None
    return misfit(await replayer.open(case.granted.spec, before, segment), case.commit_of(segment).state_in)


def misfit(opened: Opened, state: Digest) -> str | None:
    """What is wrong with a checkpoint by itself."""
    if opened.digests[-1] != state:
        return WRONG
    return None if opened.is_placed else BAD


def is_chained(spec: JobSpec) -> bool:
    """Whether a checkpoint of this work holds more than a drawn segment is judged by."""
    return isinstance(workload(spec.kind), Chained)
