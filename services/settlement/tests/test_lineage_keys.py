"""Whose receipts ask for those who had keys, and of which audits they say that they are over."""

import json
from types import SimpleNamespace
from typing import Any

from assay.schema.audit import AuditOverruled, AuditUpheld
from assay.schema.job import JobSpec
from assay.settlement.lineage_keys import keys_of

DIGEST, READER = "d" * 64, "p" + "a" * 32


class Holder:
    """The gateway, which says who had a key."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, Any]]] = []

    async def ask(self, subject: str, data: bytes) -> Any:
        self.asked.append((subject, json.loads(data)))
        readers = [{"digest": DIGEST, "reader": READER, "released_ms": 7}]
        return SimpleNamespace(data=json.dumps({"readers": readers}).encode())


def dossier(*sealed: str) -> Any:
    spec = JobSpec(kind="noop", inputs=(DIGEST,), sealed=sealed, segments=1, segment_units=1)
    return SimpleNamespace(submitted=SimpleNamespace(spec=spec), granted={"l1": None})


async def test_the_receipt_of_a_job_without_sealed_inputs_asks_nobody() -> None:
    holder: Any = Holder()
    assert await keys_of(holder, dossier(), []) == () and holder.asked == []


async def test_the_holder_is_told_which_audits_of_the_job_are_over() -> None:
    holder: Any = Holder()
    said = [
        AuditUpheld.model_construct(audit_id="a1", lease_id="l1"),
        AuditOverruled.model_construct(audit_id="a2", lease_id="l1"),
        AuditUpheld.model_construct(audit_id="a3", lease_id="another's"),
    ]
    (part,) = await keys_of(holder, dossier(DIGEST), said)
    assert (part.digest, part.reader, part.released_ms) == (DIGEST, READER, 7)
    assert holder.asked == [("assay.ask.gateway.readers", {"digests": [DIGEST], "audits": ["a1", "a2"]})]
