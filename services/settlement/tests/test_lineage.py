"""What a receipt shows of an epoch whose segments were checked by their traces."""

from assay.schema.audit import AuditOverruled, AuditUpheld, OpenedTrace
from assay.schema.lease import SlashReason
from assay.schema.values import derive_id
from assay.settlement.lineage import audit_parts, trace_parts

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
