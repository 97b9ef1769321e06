"""What a receipt shows of the keys of a job's sealed inputs: who has had them, as their holder says when asked."""

import json
from collections.abc import Iterable

from assay.bus.port import Bus
from assay.proof.provenance_keys import KeyPart
from assay.schema.audit import AuditOverruled, AuditUpheld
from assay.schema.event import Event
from assay.settlement.domain import Dossier


async def keys_of(bus: Bus, dossier: Dossier, said: Iterable[Event]) -> tuple[KeyPart, ...]:
    """Who was given the keys by now, with those whose audits are over by what was said of the job's epochs.

    Nobody is asked of a job without. Raises Retry, Unreachable.
    """
    sealed = dossier.submitted.spec.sealed if dossier.submitted else ()
    if not sealed:
        return ()
    ended = [event for event in said if isinstance(event, AuditUpheld | AuditOverruled)]
    audits = [event.audit_id for event in ended if event.lease_id in dossier.granted]
    body = json.dumps({"digests": sealed, "audits": audits}).encode()
    answer = await bus.ask("assay.ask.gateway.readers", body)
    return tuple(KeyPart.model_validate(each) for each in json.loads(answer.data)["readers"])
