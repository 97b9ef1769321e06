"""Replication: what is ordered, several answer at once, their bonds decide; and at whose cost anything is answered."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from services.verification.tests.court import Court
from services.verification.tests.samples import MEGA_UNIT_PRICE, UNITS, Work, party

from assay.schema.audit import AuditAssigned
from assay.schema.epoch import DrawnSegment
from assay.schema.event import Event
from assay.schema.lease import NO_QUORUM, SlashReason
from assay.schema.values import BOND_PER_VERIFIER, cost_of
from assay.verification.domain import Fund, Vote, askings, rule_by_quorum
from assay.verification.domain.judging import CLAIM, TRUST_MAX, Ruling

FULL = cost_of(UNITS, MEGA_UNIT_PRICE)
LIE = b"x" * 32
FALSE, LAZY = SlashReason.FALSE_ACCUSATION, SlashReason.LAZY_VERIFIER


def saying(number: int) -> Any:
    """A verifier that says something of its own, whatever it is asked."""
    return lambda assigned, state: bytes([number] * 32)


def votes_of(*groups: int) -> list[Vote]:
    return [Vote(f"a{at}", group) for at, group in enumerate(groups)]


def test_two_thirds_of_the_bonds_decide_and_two_more_are_asked_before_nobody_does() -> None:
    assert rule_by_quorum(votes_of(CLAIM, CLAIM), 3) is None
    assert rule_by_quorum(votes_of(CLAIM, CLAIM, CLAIM), 3) == Ruling(True, {})
    assert rule_by_quorum(votes_of(1, CLAIM, CLAIM), 3) is None
    assert rule_by_quorum(votes_of(1, CLAIM, CLAIM, CLAIM), 3) == Ruling(True, {"a0": FALSE})
    assert rule_by_quorum(votes_of(1, 1, CLAIM, 1), 3) == Ruling(False, {"a2": LAZY})
    assert rule_by_quorum(votes_of(1, 1, CLAIM, CLAIM), 3) is None
    assert rule_by_quorum(votes_of(1, 1, CLAIM, CLAIM), 3, is_last=True) == Ruling(True, {}, has_quorum=False)
    assert rule_by_quorum(votes_of(1, 1, CLAIM, CLAIM, 2), 3) == Ruling(True, {}, has_quorum=False)


def test_nobody_has_a_quorum_alone_however_much_it_has_staked() -> None:
    votes = [Vote("rich", 1, 1_000 * BOND_PER_VERIFIER), *votes_of(CLAIM, CLAIM)]
    assert rule_by_quorum(votes, 3) is None
    assert rule_by_quorum([Vote("rich", CLAIM, TRUST_MAX), *votes_of(CLAIM, 1)], 3) == Ruling(True, {"a1": FALSE})


@given(st.lists(st.sampled_from([CLAIM, 1, 2]), min_size=3, max_size=7))
def test_a_quorum_never_overrules_a_third_or_more(groups: list[int]) -> None:
    ruling = rule_by_quorum(votes_of(*groups), 3)
    if ruling is not None:
        assert 3 * len(ruling.overruled) < len(groups)


async def test_an_ordered_job_passes_by_quorum_at_its_own_cost(court: Court) -> None:
    await court.admit(11, 12, 13)
    work = Work(1, segments=2, method="replication")
    await court.take(work)
    await court.until_still()
    upheld = await court.said("audit.upheld")
    assert sorted((audit.segment, audit.method, audit.agreed) for audit in upheld) == [
        (segment, "replication", True) for segment in (0, 0, 0, 1, 1, 1)
    ]
    assert {(audit.ordered_by, audit.fee) for audit in upheld} == {(work.job_id, FULL)}
    (verdict,) = await court.said("verdict.reached")
    assert (verdict.outcome, {finding.method for finding in verdict.findings}) == (
        "passed",
        {"start", "result", "replication"},
    )
    # Three at once, who are called when all have sealed.
    assert (await court.types("audit"))[:4] == ["audit.assigned"] * 3 + ["audit.called"]


async def test_a_false_claim_falls_by_quorum_though_one_upholds_it(court: Court) -> None:
    await court.admit(11, 12, 13, 14)
    court.finds[party("v", 12)] = lambda assigned, state: LIE
    cheat = Work(1, segments=1, lies={0: LIE}, method="replication")
    await court.take(cheat)
    await court.until_still()
    assert [event.code for event in await court.said("lease.rejected")] == ["segment.mismatch"]
    assert {(o.verifier, o.reason) for o in await court.said("audit.overruled")} <= {(party("v", 12), LAZY)}
    assert len(await court.said("audit.upheld")) == 3


async def test_where_they_do_not_agree_the_job_is_refunded_and_nobody_slashed(court: Court) -> None:
    await court.admit(11, 12, 13)
    for number in (11, 12):
        court.finds[party("v", number)] = saying(number)
    work, beside = Work(1, segments=1, method="replication"), Work(2, segments=1)
    court.knobs["draws"] = 2
    court.finds |= {verifier: only_of(work, find) for verifier, find in court.finds.items()}
    await court.take(work, beside)
    await court.until_still()
    assert (await court.types("epoch"))[-1] == "epoch.passed"
    assert {e.lease_id: e.code for e in await court.said("lease.rejected")} == {work.lease_id: NO_QUORUM}
    assert [event.lease_id for event in await court.said("lease.verified")] == [beside.lease_id]
    assert len(await court.said("audit.upheld")) == 4 and not await court.said("audit.overruled", "dispute.lodged")


def only_of(work: Work, find: Any) -> Any:
    """A verifier that does so in one job alone."""

    def finds(assigned: AuditAssigned, state: bytes) -> bytes:
        return bytes(find(assigned, state)) if assigned.spec == work.spec else state

    return finds


async def test_the_fund_pays_no_more_than_an_epoch_brings_it(court: Court) -> None:
    court.knobs["gift_ppm"] = 0
    await court.admit(11, 12, 13)
    await court.take(*(Work(number, segments=60) for number in range(10)), Work(20, segments=4, audit_segments=4))
    await court.until_still()
    upheld = await court.said("audit.upheld")
    ordered = [audit for audit in upheld if audit.ordered_by]
    assert {audit.fee for audit in ordered} <= {FULL} and 2 <= len(ordered) <= 4
    pay = cost_of(604 * UNITS, MEGA_UNIT_PRICE)
    assert 0 < sum(audit.fee for audit in upheld if not audit.ordered_by) <= pay // 100


@pytest.mark.parametrize("before", [0, 3, 4])
def test_an_order_pays_for_no_more_than_it_asked_for_in_whatever_epochs(before: int) -> None:
    work = Work(1, segments=6, audit_segments=4)
    drawn = [DrawnSegment(lease_id=work.lease_id, segment=segment) for segment in range(5)]
    extra = {(work.lease_id, segment) for segment in range(1, 5)}
    asked = askings(drawn, extra, {work.lease_id: work.case()}, {work.job_id: before}, Fund(100, 0, 0))
    assert [each.ordered_by for each in asked].count(work.job_id) == 4 - before
    assert asked[0].ordered_by is None
    assert {each.share for each in asked} == {min(FULL, 100 // (1 + before))}


async def test_a_segment_that_fell_before_another_was_answered_still_rejects_its_epoch(court: Court) -> None:
    await court.admit(11, 12, 13, slots=2)
    answer, late = court._answer, list[AuditAssigned]()

    async def in_time_for_the_first(event: Event) -> None:
        if isinstance(event, AuditAssigned) and event.segment == 1:
            late.append(event)
        else:
            await answer(event)

    court._answer = in_time_for_the_first
    await court.take(Work(1, segments=2, lies={0: LIE}, method="replication"))
    await court.until_still()
    assert await court.said("dispute.ruled") and not await court.said("epoch.audited")
    for assigned in late:
        await answer(assigned)
    await court.until_still()
    assert [event.code for event in await court.said("lease.rejected")] == ["segment.mismatch"]
    told = await court.types("epoch")
    assert told[-4:] == ["epoch.audited", "epoch.mismatched", "epoch.accused", "epoch.rejected"]
