"""The case: what one lease claims, and what it is held against. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from assay.schema.job import LeaseShare
from assay.schema.lease import LeaseCommitted, LeaseGranted
from assay.schema.values import Digest


@dataclass(frozen=True, slots=True)
class Case:
    """The grant, what was committed under it, and the result if the lease closed the job.

    `doubled` is a segment for which two different commitments were signed.
    """

    granted: LeaseGranted
    share: LeaseShare
    commits: tuple[LeaseCommitted, ...]
    result: Digest | None
    doubled: int | None = None

    @property
    def job_ms(self) -> int:
        """The compute that the provider says it spent, in milliseconds."""
        return sum(c.compute_ms for c in self.commits)

    def checkpoint_before(self, segment: int) -> Digest | None:
        """The blob of the checkpoint that a segment started from; None for the job's start state."""
        first = self.share.first_segment
        if segment > first:
            return self.commits[segment - first - 1].checkpoint
        return self.granted.resume.checkpoint if self.granted.resume else None

    def commit_of(self, segment: int) -> LeaseCommitted:
        """What was committed for a segment."""
        return self.commits[segment - self.share.first_segment]

    def has_gone_through(self, segment: int, digests: Sequence[Digest]) -> bool:
        """Whether a checkpoint that went through these digests, from the job's start on, is of this lease's history.

        It closes `segment`, and each digest of the lease is the one that was committed to; what came before the lease
        is bound by the one that it started from.
        """
        first = self.share.first_segment
        counted = self.commits[: segment - first + 1]
        committed = [counted[0].state_in, *(commit.state_out for commit in counted)]
        return len(digests) == segment + 2 and list(digests[first:]) == committed


def case_of(
    granted: LeaseGranted,
    share: LeaseShare,
    commits: Sequence[LeaseCommitted],
    result: Digest | None,
    doubled: int | None = None,
) -> Case:
    """The case about what the share counts: a commitment that came after the lease had ended is nobody's claim."""
    counted = range(share.first_segment, share.first_segment + share.segments)
    return Case(granted, share, tuple(commit for commit in commits if commit.segment in counted), result, doubled)
