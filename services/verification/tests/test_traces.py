"""The trace check: opened before its seed is known, asked of one, decided by two of three, and lost by silence."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from services.verification.tests.court import Court
from services.verification.tests.samples import Work, party

from assay.bus.port import Message
from assay.proof.digest import blake3_hex
from assay.proof.job_seal import name_of, seal_job
from assay.proof.opened import question_id_of, trace_seed
from assay.runtime.batch import Heard, handle_batch
from assay.schema.audit import AuditAssigned
from assay.schema.epoch import EpochTraced
from assay.schema.event import Envelope
from assay.schema.job import JobSpec
from assay.schema.lease import SlashReason
from assay.verification.methods import trace
from assay.verification.methods.method import Spoiled
from assay.verification.replayer import ChildReplayer
from assay.verification.steps import presenting
from assay.workloads.tracing import TraceReading

HOLDS = TraceReading(passed=True, code="trace.holds")
WRONG = TraceReading(passed=False, code="trace.wrong_operator", step=1, operator=7, residual=0.5)
KEY = bytes(range(32))
HONEST, FALSE = b"an honest trace", b"a false trace"


def seen(assigned: AuditAssigned, shown: bytes) -> bytes:
    """What a verifier finds in a trace; which one it is decides, as its operators would."""
    return (HOLDS if shown == HONEST else WRONG).model_dump_json().encode()


@pytest.fixture
def traced(court: Court, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Work]:
    """A job that asks for its trace, whatever its kind: no model is loaded for what is judged here."""
    monkeypatch.setattr(trace, "is_checkable", lambda kind, params, policy: True)
    court.reads, court.knobs["draws"], court.traces = seen, 2, {}

    def make(number: int, *opened: bytes, **how: Any) -> Work:
        work = Work(number, segments=len(opened), method="trace", **how)
        assert court.traces is not None
        court.traces |= {(work.lease_id, segment): content for segment, content in enumerate(opened)}
        return work

    return make


async def test_an_honest_opening_passes_and_is_looked_at_by_a_block_after_it(court: Court, traced: Any) -> None:
    await court.admit(11, 12, 13)
    work = traced(1, HONEST, HONEST)
    await court.take(work)
    await court.until_still()
    (verdict,) = await court.said("verdict.reached")
    assert (verdict.outcome, {finding.method for finding in verdict.findings}) == (
        "passed",
        {"start", "result", "trace"},
    )
    (opened,), (drawn,) = await court.said("epoch.opened"), await court.said("epoch.drawn")
    assert opened.block > drawn.block
    assigned = await court.said("audit.assigned")
    assert len(assigned) == 2 and len({each.claim.seed for each in assigned}) == 2
    for each in assigned:
        assert (each.claim.shown, each.claim.root) == (blake3_hex(HONEST), blake3_hex(b"root" + HONEST))
        assert each.claim.state_out == work.commits[each.segment].state_out
    # How an audit ends tells what was looked at, as anybody can make it again.
    for upheld in await court.said("audit.upheld"):
        question = question_id_of(drawn.epoch_id, work.lease_id, upheld.segment)
        seed = trace_seed(opened.block_hash, drawn.seed, question)
        assert seed == upheld.opened.seed == next(e.claim.seed for e in assigned if e.audit_id == upheld.audit_id)
        assert (upheld.opened.block, upheld.opened.root) == (opened.block, blake3_hex(b"root" + HONEST))


async def test_a_sealed_trace_is_read_and_what_cannot_be_unsealed_is_withheld(court: Court, traced: Any) -> None:
    await court.admit(11, 12, 13)
    await court.hold({name_of(KEY): KEY})
    honest = traced(1, seal_job(KEY, HONEST), key=KEY)
    baring = traced(2, HONEST, key=KEY, provider=2)
    await court.take(honest, baring)
    await court.until_still()
    assert [event.lease_id for event in await court.said("lease.verified")] == [honest.lease_id]
    (rejected,) = await court.said("lease.rejected")
    assert (rejected.lease_id, rejected.code) == (baring.lease_id, "segment.withheld")
    # Nobody was drawn for what nobody could read.
    assert {each.claim.shown for each in await court.said("audit.assigned")} == {blake3_hex(seal_job(KEY, HONEST))}


async def test_a_false_opening_falls_by_two_of_three_and_who_upholds_it_is_lazy(court: Court, traced: Any) -> None:
    await court.admit(11, 12, 13)
    await court.take(traced(1, FALSE))
    await court.until_still()
    (rejected,) = await court.said("lease.rejected")
    assert rejected.code == "trace.wrong_operator"
    assert {upheld.method for upheld in await court.said("audit.upheld")} == {"trace"}
    assert not await court.said("audit.overruled")


async def test_one_accuser_alone_is_overruled(court: Court, traced: Any) -> None:
    await court.admit(11, 12, 13)
    court.finds[party("v", 12)] = lambda assigned, reading: WRONG.model_dump_json().encode()
    work = traced(1, HONEST, HONEST)
    await court.take(work)
    await court.until_still()
    assert [event.lease_id for event in await court.said("lease.verified")] == [work.lease_id]
    assert {event.verifier for event in await court.said("audit.overruled")} <= {party("v", 12)}


async def test_a_trace_that_is_not_opened_in_time_is_withheld(court: Court, traced: Any) -> None:
    court.knobs["trace_s"] = 0
    await court.admit(11, 12, 13)
    await court.take(Work(1, segments=2, method="trace"))
    await court.until_still()
    assert [event.code for event in await court.said("lease.rejected")] == ["segment.withheld"]
    assert not await court.said("audit.assigned")


async def test_the_first_opening_stands_and_a_stranger_has_none(court: Court, traced: Any) -> None:
    await court.admit(11, 12, 13)
    work = traced(1, FALSE)
    court.knobs["trace_s"] = 900
    heard = court.hear

    async def twice(*events: Any) -> None:
        for event in events:
            if isinstance(event, EpochTraced):
                other = {"root": "9" * 64, "trace": await court.context.bus.blobs.put(HONEST)}
                await heard(event.model_copy(update={"provider": party("p", 9), **other}))
                await heard(event, event.model_copy(update=other))
            else:
                await heard(event)

    court.hear = twice
    await court.take(work)
    await court.until_still()
    assert [event.code for event in await court.said("lease.rejected")] == ["trace.wrong_operator"]


@pytest.mark.parametrize(
    ("spoken", "code"),
    [
        ({"signature": None}, "segment.withheld"),
        ({"suffix": b" "}, "segment.withheld"),
        ({"suffix": b" ", "again": True}, "trace.wrong_operator"),
    ],
)
async def test_a_statement_that_no_receipt_could_show_again_opens_nothing(
    court: Court, traced: Any, spoken: dict[str, Any], code: str
) -> None:
    court.knobs["trace_s"] = 900 if spoken.get("again") else 0
    await court.admit(11, 12, 13)
    work, heard = traced(1, FALSE), court.hear

    async def oddly(*events: Any) -> None:
        for event in (each for each in events if isinstance(each, EpochTraced)):
            honest = event.model_copy(update={"trace": await court.context.bus.blobs.put(HONEST)})
            said = Envelope.wrap(honest, event.provider, court.context.now())
            signature = spoken.get("signature", "0x" + "b" * 130)
            said = replace(said, data=said.data + spoken.get("suffix", b""), signature=signature)
            await handle_batch(court.context, [Heard(Message(said.subject, said.headers(), said.data), said)])
        await heard(*(each for each in events if spoken.get("again") or not isinstance(each, EpochTraced)))

    court.hear = oddly
    await court.take(work)
    await court.until_still()
    assert [event.code for event in await court.said("lease.rejected")] == [code]


FALSE_AT = (WRONG.step, WRONG.operator)


@pytest.mark.parametrize(
    "seen_by_the_lazy", [HOLDS, WRONG.model_copy(update={"operator": 8})], ids=["holds", "guesses"]
)
async def test_who_has_not_found_where_a_planted_trace_was_made_false_is_lazy(
    court: Court, traced: Any, monkeypatch: pytest.MonkeyPatch, seen_by_the_lazy: TraceReading
) -> None:
    async def spoil(self: ChildReplayer, spec: JobSpec, segment: int, trace: str, seed: str) -> Spoiled:
        return Spoiled(blake3_hex(b"root" + FALSE), FALSE, *FALSE_AT)

    def find(assigned: AuditAssigned, reading: bytes) -> bytes:
        assert assigned.claim is not None
        lazy.extend([assigned.verifier] if assigned.claim.shown == blake3_hex(FALSE) and not lazy else [])
        return seen_by_the_lazy.model_dump_json().encode() if assigned.verifier in lazy else reading

    lazy: list[str] = []
    monkeypatch.setattr(ChildReplayer, "spoil", spoil)
    monkeypatch.setattr(presenting, "spoil_seed", lambda secret, question_id: "5" * 64)
    court.knobs["planted_ppm"] = 500_000
    await court.admit(11, 12, 13, 14)
    court.finds |= {party("v", number): find for number in range(11, 15)}
    work = traced(1, HONEST)
    await court.take(work)
    await court.until_still()
    assert [event.lease_id for event in await court.said("lease.verified")] == [work.lease_id]
    overruled = {(event.verifier, event.reason) for event in await court.said("audit.overruled")}
    assert len(lazy) == 1 and overruled == {(lazy[0], SlashReason.LAZY_VERIFIER)}
    planted = [event for event in await court.said("audit.upheld") if event.lease_id is None]
    assert len(planted) == 2 and all(event.opened is None for event in planted)


def test_a_seed_follows_from_the_block_the_epoch_and_the_question() -> None:
    block, seed = "1" * 64, "2" * 64
    assert len({trace_seed(block, seed, "a"), trace_seed(seed, block, "a"), trace_seed(block, seed, "b")}) == 3


def test_what_a_stranger_says_of_a_trace_never_raises() -> None:
    broken = (b"", b"{}", b"\xff", b"[1]", b"[" * 100_000, HOLDS.model_dump_json().encode()[:-1])
    said = b'{"passed": %s, "code": "%s", "step": %s, "residual": %s}'
    absurd = (
        said % (b"true", b"trace.wrong_operator", b"0", b"0.0"),
        said % (b"false", b"trace.holds", b"0", b"0.0"),
        said % (b"false", b"trace.wrong_operator", b"0", b"NaN"),
        said % (b"false", b"trace.wrong_operator", b"0", b"-1e999"),
        said % (b"false", b"trace.wrong_operator", b"1e400", b"0.5"),
    )
    for reading in (*broken, *absurd):
        assert trace.tell(reading) == trace.UNREADABLE
    assert (
        trace.tell(WRONG.model_copy(update={"code": "made.up"}).model_dump_json().encode()).code == "trace.unreadable"
    )
    near = WRONG.model_copy(update={"residual": 0.4})
    assert trace.tell(near.model_dump_json().encode()).group == trace.tell(WRONG.model_dump_json().encode()).group
