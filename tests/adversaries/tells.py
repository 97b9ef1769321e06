"""What a verifier looks for in public, to tell whether what it is asked is planted: there is to be nothing."""

from collections.abc import Sequence

from assay.proof.opened import question_id_of, trace_seed
from assay.schema.audit import AuditAssigned, AuditOverruled, AuditUpheld
from assay.schema.epoch import EpochDrawn, EpochOpened
from assay.schema.event import Event
from assay.schema.lease import LeaseGranted
from assay.schema.values import derive_id


def tells(assigned: AuditAssigned, said: Sequence[Event]) -> set[str]:
    """By what the audit of a shown claim is known for planted, of what was said in public so far.

    It would be by an id or a seed that follows from public parts, or by another root than the provider opened.
    """
    claim, segment = assigned.claim, assigned.segment
    leases = {event.lease_id for event in said if isinstance(event, LeaseGranted) and event.spec == assigned.spec}
    drawn = [event for event in said if isinstance(event, EpochDrawn)]
    planted = {
        event.epoch_id: (event.seed, question_id_of(event.epoch_id, place.lease_id, segment, is_planted=True))
        for event in drawn
        for place in event.drawn
        if place.lease_id in leases and place.segment == segment
    }
    ids = {derive_id("a", question_id, assigned.verifier) for _, question_id in planted.values()}
    hashes = {event.epoch_id: event.block_hash for event in said if isinstance(event, EpochOpened)}
    seeds = {trace_seed(hash_, *planted[epoch]) for epoch, hash_ in hashes.items() if hash_ and epoch in planted}
    ended = [event for event in said if isinstance(event, AuditUpheld | AuditOverruled) and event.lease_id in leases]
    roots = {event.opened.root for event in ended if event.segment == segment and event.opened}
    assert claim is not None and claim.root is not None
    found = {"id": assigned.audit_id in ids, "seed": claim.seed in seeds, "root": bool(roots - {claim.root})}
    return {name for name, is_open in found.items() if is_open}
