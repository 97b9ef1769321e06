"""The blobs that a claim names are its account's to read: it uploaded them, or was told of them.

What is named others will read: a provider the inputs of a job, a requester the checkpoints of its own, a verifier both.
Digests are public, so knowing one gives no right: nobody has a stranger's blob read by naming it. The refusal is the
same whether there is such a blob or not. What its owner is letting go counts as gone; what is remembered of the store
counts, for it is forgotten whenever anything was let go.
"""

from datetime import UTC, datetime

from assay.gateway.claim import Claim, Desk
from assay.gateway.snapshots import named_in
from assay.schema.errors import Refused
from assay.schema.job import JobSpec, JobSubmitted
from assay.schema.streams import AUDIT_AGE_S
from assay.schema.values import INPUT_BYTES_ANY


async def check_blobs(claim: Claim, desk: Desk) -> None:
    """Raises Refused: job.missing_input, job.impossible, job.ageing_input, blob.missing."""
    code = "job.missing_input" if isinstance(claim.event, JobSubmitted) else "blob.missing"
    for digest, *_ in named_in(claim.event):
        if not (await is_held(claim.account, digest, desk) or await is_told(claim.source, digest, desk)):
            raise Refused(code, f"{digest}.")
    if isinstance(claim.event, JobSubmitted):
        await check_sizes(claim.event.spec, desk)
        await check_ages(claim.event, desk)


async def check_sizes(spec: JobSpec, desk: Desk) -> None:
    """Raises Refused, job.impossible, unless the order says how large its inputs are.

    Who takes the job goes by less; by more a requester would choose its verifiers: those who take anything.
    """
    brings = sum([await desk.blobs.size(digest) for digest in set(spec.inputs)])
    says = spec.requirements.input_bytes
    if max(INPUT_BYTES_ANY, brings) != max(INPUT_BYTES_ANY, says):
        raise Refused("job.impossible", f"input_bytes: the inputs have {brings}.")


async def check_ages(job: JobSubmitted, desk: Desk) -> None:
    """Raises Refused, job.ageing_input, unless the inputs are kept until nothing can come of the job any more.

    Who works, or verifies, would else be blamed for what time has taken.
    """
    for digest in job.spec.inputs:
        until_s = await desk.blobs.until_s(digest)
        if until_s < job.deadline_ms // 1000 + AUDIT_AGE_S:
            day = datetime.fromtimestamp(until_s - AUDIT_AGE_S, UTC).date().isoformat()
            raise Refused("job.ageing_input", f"{digest}: no deadline may be later than {day}.")


async def is_held(account: str, digest: str, desk: Desk) -> bool:
    """Whether the account uploaded the blob, and keeps it."""
    return (account, digest) not in desk.known.leaving and await desk.blobs.holds(account, digest, is_fresh=False)


async def is_told(participant: str, digest: str, desk: Desk) -> bool:
    """Whether the blob is there, and the participant was told of it."""
    if digest in {leaving for _, leaving in desk.known.leaving}:
        return False
    return await desk.readers.may_read(digest, participant) and await desk.blobs.has(digest, is_fresh=False)
