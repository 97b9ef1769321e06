"""The blobs that a claim names are its account's to read: it uploaded them, or was told of them.

What is named others will read: a provider the inputs of a job, a requester the checkpoints of its own, a verifier both.
Digests are public, so knowing one gives no right: nobody has a stranger's blob read by naming it. The refusal is the
same whether there is such a blob or not. What its owner is letting go counts as gone; what is remembered of the store
counts, for it is forgotten whenever anything was let go.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from assay.gateway.claim import Claim, Desk
from assay.schema.epoch import EpochTraced
from assay.schema.errors import Refused
from assay.schema.event import Event
from assay.schema.job import JobSubmitted
from assay.schema.lease import LeaseCommitted, LeaseExecuted

NAMED: Final[Mapping[type[Event], Callable[[Any], tuple[str, ...]]]] = {
    JobSubmitted: lambda said: said.spec.inputs,
    LeaseCommitted: lambda said: (said.checkpoint,),
    LeaseExecuted: lambda said: (said.result,),
    EpochTraced: lambda said: (said.trace,),
}
"""What a participant may say that gives others a right to read."""


async def check_blobs(claim: Claim, desk: Desk) -> None:
    """Raises Refused: job.missing_input, blob.missing."""
    names, code = NAMED.get(type(claim.event)), "blob.missing"
    if isinstance(claim.event, JobSubmitted):
        code = "job.missing_input"
    for digest in names(claim.event) if names else ():
        if not (await is_held(claim.account, digest, desk) or await is_told(claim.source, digest, desk)):
            raise Refused(code, f"{digest}.")


async def is_held(account: str, digest: str, desk: Desk) -> bool:
    """Whether the account uploaded the blob, and keeps it."""
    return (account, digest) not in desk.known.leaving and await desk.blobs.holds(account, digest, is_fresh=False)


async def is_told(participant: str, digest: str, desk: Desk) -> bool:
    """Whether the blob is there, and the participant was told of it."""
    if digest in {leaving for _, leaving in desk.known.leaving}:
        return False
    return await desk.readers.may_read(digest, participant) and await desk.blobs.has(digest, is_fresh=False)
