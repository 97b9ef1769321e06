"""What a receipt shows of an epoch: the traces of its segments, and those that nobody could answer."""

from assay.schema.audit import AuditOverruled, AuditUpheld, OpenedTrace
from assay.schema.epoch import (
    DrawnSegment,
    EpochAnchored,
    EpochCommitted,
    EpochDrawn,
    EpochEntry,
    EpochPassed,
    Unproven,
)
from assay.schema.lease import SlashReason
from assay.schema.values import NO_DIGEST, Role, derive_id, participant_id
from assay.settlement.lineage import audit_parts, epoch_part, trace_parts

LEASE = derive_id("l", 1)
OPENED = OpenedTrace(
    root="a" * 64, trace="b" * 64, time_ms=1, signature="0x" + "c" * 130, block=9, block_hash="d" * 64, seed="e" * 64
)


def ending(segment: int, verifier: int, group: int, opened: OpenedTrace | None) -> dict[str, object]:
    names = {
        "audit_id": derive_id("a", segment, verifier),
        "verifier": "v" + derive_id("v", verifier)[1:].ljust(32, "a"),
    }
    place = {"epoch_id": derive_id("x", 1), "lease_id": LEASE, "segment": segment, "method": "trace"}
    return {**names, **place, "agreed": group == 0, "group": group, "opened": opened}


def test_each_trace_stands_once_however_many_looked_at_it_and_each_answer_with_its_group() -> None:
    other = OPENED.model_copy(update={"root": "f" * 64})
    said = [
        AuditUpheld(**ending(1, 1, 0, other), fee=1),
        AuditUpheld(**ending(0, 2, 0, OPENED), fee=1),
        AuditOverruled(**ending(0, 3, 5, OPENED), reason=SlashReason.FALSE_ACCUSATION),
        AuditUpheld(**ending(2, 4, 0, None), fee=1),
    ]
    assert [(each.segment, each.root, each.seed) for each in trace_parts(said)] == [
        (0, OPENED.root, OPENED.seed),
        (1, other.root, other.seed),
    ]
    assert {(each.segment, each.outcome, each.group) for each in audit_parts(said)} == {
        (0, "agreed", 0),
        (0, "overruled", 5),
        (1, "agreed", 0),
        (2, "agreed", 0),
    }


def test_what_nobody_could_answer_stands_in_the_receipt_as_it_was_said() -> None:
    provider = participant_id(Role.PROVIDER, "0x" + "0a" * 20)
    fact = {"epoch_id": derive_id("x", provider, 1), "provider": provider, "number": 1}
    entry = EpochEntry(
        lease_id=LEASE, job_id=derive_id("j", 1), fence=1, first_segment=0, segments=1, root=NO_DIGEST, units=1
    )
    place = DrawnSegment(lease_id=LEASE, segment=0)
    said = [
        EpochCommitted(**fact, previous=NO_DIGEST, root=NO_DIGEST, units=1, segments=1, entries=(entry,)),
        EpochAnchored(**fact, root=NO_DIGEST, block=1, tx="0x" + "ab" * 32, gas=1),
        EpochDrawn(**fact, root=NO_DIGEST, block=3, beacon=NO_DIGEST, seed=NO_DIGEST, drawn=(place,)),
    ]
    unproven = Unproven(segments=(place,), counted=1, of=1, reasons={"command.failed": 3})
    shown = epoch_part([*said, EpochPassed(**fact, unproven=unproven)], bytes(32)).unproven
    assert shown is not None and shown.model_dump() == unproven.model_dump()
    assert epoch_part([*said, EpochPassed(**fact)], bytes(32)).unproven is None
