"""Commitments: each closed segment is a leaf; the leaves of a lease are chained one by one and stand under one root.

A leaf binds what was done (spec, segment, states, checkpoint, units) to who did it (lease, provider, fence). The chain
lets a later lease carry on where an earlier one was proven to be; the root is what the audit's draw follows from.
"""

from collections.abc import Sequence

from blake3 import blake3

from assay.proof import merkle
from assay.proof.digest import prefixed
from assay.schema.errors import Reject
from assay.schema.lease import LeaseCommitted, ResumePoint
from assay.schema.values import NO_DIGEST

LEAF, LINK = b"assay.leaf.1", b"assay.link.1"


class BrokenChain(Reject):
    """A chain of commitments that does not hold; `segment` is the first one at fault."""

    code = "commitment.broken"
    advice = "What comes after the named segment counts for nothing."

    def __init__(self, segment: int, detail: str) -> None:
        self.segment = segment
        super().__init__(f"Segment {segment}: {detail}")


def leaf(
    *,
    lease_id: str,
    job_id: str,
    provider: str,
    fence: int,
    spec_digest: str,
    segment: int,
    state_in: str,
    state_out: str,
    checkpoint: str,
    units: int,
) -> bytes:
    """The 32 bytes that stand for one closed segment."""
    ids = tuple(prefixed(part.encode()) for part in (lease_id, job_id, provider))
    numbers = b"".join(number.to_bytes(8, "big") for number in (fence, segment, units))
    digests = b"".join(map(bytes.fromhex, (spec_digest, state_in, state_out, checkpoint)))
    return blake3(b"".join((LEAF, *ids, numbers, digests))).digest()


def leaf_of(commit: LeaseCommitted, spec_digest: str) -> bytes:
    """The leaf that a commitment must stand for."""
    return leaf(
        lease_id=commit.lease_id,
        job_id=commit.job_id,
        provider=commit.provider,
        fence=commit.fence,
        spec_digest=spec_digest,
        segment=commit.segment,
        state_in=commit.state_in,
        state_out=commit.state_out,
        checkpoint=commit.checkpoint,
        units=commit.units,
    )


def chain(previous: str, leaf_: bytes) -> str:
    """The commitment after `previous`; before a job's first segment that is NO_DIGEST."""
    return blake3(LINK + bytes.fromhex(previous) + leaf_).hexdigest()


def lease_root(leaves: Sequence[bytes]) -> str:
    """The Merkle root over a lease's leaves, 64 hex digits."""
    return merkle.root(leaves).hex()


def root_of(commits: Sequence[LeaseCommitted], spec_digest: str) -> str:
    """The root over the leaves of these commitments."""
    return lease_root([leaf_of(commit, spec_digest) for commit in commits])


def check_chain(
    commits: Sequence[LeaseCommitted],
    spec_digest: str,
    start_state: str | None = None,
    resume: ResumePoint | None = None,
) -> None:
    """Nothing, if one lease's commitments carry on from `resume`, or from the job's start, without a gap.

    `start_state` is the digest of the job's first state, if it is known here. Raises BrokenChain.
    """
    segment = resume.segment + 1 if resume else 0
    state = resume.state if resume else start_state
    previous = resume.commitment if resume else NO_DIGEST
    for commit in commits:
        check_speaker(commit, commits[0], segment)
        check_moved(commit)
        check_link(commit, spec_digest, segment, state, previous)
        segment, state, previous = segment + 1, commit.state_out, commit.commitment


def check_speaker(commit: LeaseCommitted, first: LeaseCommitted, segment: int) -> None:
    """Nothing, if both are of one lease. Raises BrokenChain."""
    for name in ("lease_id", "job_id", "provider", "fence"):
        if getattr(commit, name) != getattr(first, name):
            raise BrokenChain(segment, f"{name} is not that of the lease's first commitment.")


def check_moved(commit: LeaseCommitted) -> None:
    """Nothing, if the segment changed the state. Raises BrokenChain: no work ends where it began."""
    if commit.state_out == commit.state_in:
        raise BrokenChain(commit.segment, "it ends in the state it began with.")


def check_link(commit: LeaseCommitted, spec_digest: str, segment: int, state: str | None, previous: str) -> None:
    """Nothing, if the commitment is of `segment`, starts from `state` and follows `previous`. Raises BrokenChain."""
    faults = {
        f"it is called {commit.segment}.": commit.segment != segment,
        "it does not start from the state before it.": state is not None and commit.state_in != state,
        "it does not follow the commitment before it.": commit.previous != previous,
        "its commitment is not that of its content.": commit.commitment
        != chain(commit.previous, leaf_of(commit, spec_digest)),
    }
    for detail, is_at_fault in faults.items():
        if is_at_fault:
            raise BrokenChain(segment, detail)
