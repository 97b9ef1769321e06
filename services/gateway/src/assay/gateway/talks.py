"""Who may talk: the requester of a job and the provider of its open lease are each given their way into its talk.

The words between them pass by the server alone (`assay.bus.talk`); the gateway says once who they are.
"""

from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from assay.bus.talk import TALK_S, talk_creds
from assay.gateway.domain import Speaker
from assay.schema.errors import BadSettings, Refused
from assay.schema.event import first_problem
from assay.schema.values import JobId, Role, Value
from assay.store import Transaction

# The last one that was granted, if its provider may still speak of it.
OPEN_LEASE: Final = """
select l.lease_id, l.provider, j.requester from lease l join job j using (job_id)
join life s on s.entity = 'lease' and s.id = l.lease_id
where l.job_id = $1 and s.state in ('granted', 'running') order by l.fence desc limit 1
"""
SIDES: Final = {Role.REQUESTER: "requester", Role.PROVIDER: "provider"}


class TalkBody(Value):
    """What is asked: the job whose open lease one has a side of."""

    job_id: JobId


async def talk_of(
    tx: Transaction, speaker: Speaker, body: dict[str, Any], seed: bytes | None, now_s: int
) -> dict[str, Any]:
    """The lease with the speaker's credentials for its talk, good for `seconds`.

    Raises Refused: event.malformed; access.denied; lease.unknown, if the speaker has no side of an open lease.
    """
    try:
        job_id = TalkBody.model_validate(body).job_id
    except ValidationError as error:
        raise Refused("event.malformed", first_problem(error)) from None
    if seed is None or speaker.role not in SIDES:
        raise Refused("access.denied", "Nobody talks here." if seed is None else f"A {speaker.role} has no side.")
    row = await tx.fetchrow(OPEN_LEASE, job_id)
    if row is None or row[SIDES[speaker.role]] != speaker.participant:
        raise Refused("lease.unknown", "The job has no open lease that you have a side of.")
    creds = talk_creds(seed, speaker.role, row["lease_id"], now_s)
    return {"lease_id": row["lease_id"], "provider": row["provider"], "creds": creds, "seconds": TALK_S}


def read_seed(file: Path | None) -> bytes | None:
    """The seed of the account of talks, if there is one. Raises BadSettings."""
    try:
        return file.read_bytes().strip() if file else None
    except OSError as error:
        raise BadSettings(f"talk_seed_file: {error}.") from None
