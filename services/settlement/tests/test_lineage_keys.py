"""Whose receipts ask for those who had keys, and of which audits they say that they are over."""

import json
from types import SimpleNamespace
from typing import Any

import pytest

from assay.schema.audit import AuditOverruled, AuditUpheld
from assay.schema.errors import Refused, Retry
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
        AuditUpheld.model_construct(**{"audit_id": "a1", "lease_id": "l1"}),
        AuditOverruled.model_construct(**{"audit_id": "a2", "lease_id": "l1"}),
        AuditUpheld.model_construct(**{"audit_id": "a3", "lease_id": "another's"}),
    ]
    (part,) = await keys_of(holder, dossier(DIGEST), said)
    assert (part.digest, part.reader, part.released_ms) == (DIGEST, READER, 7)
    assert holder.asked == [("assay.ask.gateway.readers", {"digests": [DIGEST], "audits": ["a1", "a2"]})]


async def test_each_key_is_asked_of_by_itself() -> None:
    holder: Any = Holder()
    other = "e" * 64
    assert len(await keys_of(holder, dossier(DIGEST, other), [])) == 2
    assert [body["digests"] for _, body in holder.asked] == [[DIGEST], [other]]


async def test_a_gateway_that_refuses_to_say_is_asked_again_and_keeps_no_other_job_waiting() -> None:
    class Old(Holder):
        async def ask(self, subject: str, data: bytes) -> Any:
            raise Refused("question.unknown")

    old: Any = Old()
    with pytest.raises(Retry, match=r"question\.unknown"):
        await keys_of(old, dossier(DIGEST), [])
