"""What a receipt shows of the keys of a job: who has had them, as their holder says when asked."""

import json
from collections.abc import Iterable, Sequence

from assay.bus.port import Bus
from assay.proof.provenance_keys import KeyPart
from assay.schema.audit import AuditOverruled, AuditUpheld
from assay.schema.errors import Refused, Retry
from assay.schema.event import Event
from assay.schema.values import AuditId, Digest
from assay.settlement.domain import Dossier


async def keys_of(bus: Bus, dossier: Dossier, said: Iterable[Event]) -> tuple[KeyPart, ...]:
    """Who was given the keys by now, with those whose audits are over by what was said of the job's epochs.

    Nobody is asked of a job without. Raises Retry, Unreachable.
    """
    named = dossier.submitted.spec.keys if dossier.submitted else ()
    if not named:
        return ()
    ended = [event for event in said if isinstance(event, AuditUpheld | AuditOverruled)]
    audits = [event.audit_id for event in ended if event.lease_id in dossier.granted]
    # One key at a time: data that many jobs read has had many readers, and an answer is one message.
    return tuple([part for digest in named for part in await readers_of(bus, digest, audits)])


async def readers_of(bus: Bus, digest: Digest, audits: Sequence[AuditId]) -> list[KeyPart]:
    """Who was given a key by now. Raises Retry, Unreachable."""
    body = json.dumps({"digests": [digest], "audits": audits}).encode()
    try:
        answer = await bus.ask("assay.ask.gateway.readers", body)
    except Refused as refusal:
        # A gateway that knows no such question yet must not keep all other jobs from being closed.
        raise Retry(f"who had the key of {digest} is not said: {refusal}") from None
    return [KeyPart.model_validate(each) for each in json.loads(answer.data)["readers"]]
