"""Work that reaches hosts: nobody is found false by what those say, and nothing is paid without agreement."""

import json
from dataclasses import astuple, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from services.verification.tests.court import Court
from services.verification.tests.samples import MEGA_UNIT_PRICE, UNITS, Work, party
from services.verification.tests.test_replication import only_of, saying, votes_of

from assay.schema.audit import AuditAssigned
from assay.schema.epoch import DRAWN_MAX
from assay.schema.job import JobSpec
from assay.schema.lease import NO_QUORUM
from assay.schema.values import cost_of
from assay.verification.domain import draws, fitting, part_of, pooling, rule_by_agreement
from assay.verification.domain.judging import CLAIM, Ruling
from assay.verification.queries import epochs

FULL = cost_of(UNITS, MEGA_UNIT_PRICE)
NEW_PAGE = b"n" * 32


@pytest.fixture
def reaching(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is ordered by replication here reaches hosts."""
    monkeypatch.setattr(JobSpec, "reaches", property(lambda spec: spec.policy.is_replicated))


def work_of(number: int = 1, segments: int = 1, **how: Any) -> Work:
    return Work(number, segments=segments, audit_segments=max(3, segments), method="replication", **how)


def finds_new(assigned: AuditAssigned, state: bytes) -> bytes:
    return NEW_PAGE


def test_only_what_is_agreed_on_is_paid_and_nobody_is_overruled() -> None:
    assert rule_by_agreement(votes_of(CLAIM, CLAIM), 3) is None
    assert rule_by_agreement(votes_of(CLAIM, CLAIM, CLAIM), 3) == Ruling(True, {})
    assert rule_by_agreement(votes_of(1, CLAIM, CLAIM), 3) is None
    assert rule_by_agreement(votes_of(1, CLAIM, CLAIM, CLAIM), 3) == Ruling(True, {}, unpaid=frozenset({"a0"}))
    assert rule_by_agreement(votes_of(1, 1, 1), 3) == Ruling(True, {}, has_quorum=False)
    assert rule_by_agreement(votes_of(1, 1, CLAIM, 1), 3) == Ruling(True, {}, has_quorum=False)
    assert rule_by_agreement(votes_of(1, 1, 1, 1, 2), 5) == Ruling(True, {}, False, unpaid=frozenset({"a4"}))


@pytest.mark.parametrize("groups", [(1, 2, 3, 4, 5), (CLAIM, 2, 3, 4, 5), (1, 1, 3, 4, 5), (CLAIM, CLAIM, CLAIM, 4, 5)])
def test_no_order_has_answers_for_nothing_by_a_host_that_tells_each_verifier_another_thing(groups: list[int]) -> None:
    """Nor by one that tells the provider and one verifier the same, so that an answer is paid and the work is not."""
    assert rule_by_agreement(votes_of(*groups), 3) == Ruling(True, {}, has_quorum=False)


@given(st.lists(st.sampled_from([CLAIM, 1, 2, 3]), min_size=3, max_size=7), st.booleans())
def test_whatever_is_answered_nobody_is_false(groups: list[int], is_last: bool) -> None:
    ruling = rule_by_agreement(votes_of(*groups), 3, is_last)
    if ruling is not None:
        assert ruling.stands and not ruling.overruled
        assert not ruling.has_quorum or 3 * groups.count(CLAIM) > 2 * len(groups) - 1
        assert len(ruling.unpaid) < len(groups)


async def test_an_honest_provider_whose_page_has_changed_is_neither_paid_nor_blamed(
    court: Court, reaching: None
) -> None:
    await court.admit(11, 12, 13, egress=True)
    work, beside = work_of(), Work(2, segments=1)
    court.knobs["draws"] = 2
    court.finds |= {party("v", number): only_of(work, finds_new) for number in (11, 12, 13)}
    await court.take(work, beside)
    await court.until_still()
    assert {e.lease_id: e.code for e in await court.said("lease.rejected")} == {work.lease_id: NO_QUORUM}
    assert [event.lease_id for event in await court.said("lease.verified")] == [beside.lease_id]
    assert (await court.types("epoch"))[-1] == "epoch.passed"
    assert not await court.said("audit.overruled", "dispute.lodged", "epoch.mismatched", "epoch.accused")
    fees = [audit.fee for audit in await court.said("audit.upheld") if audit.ordered_by == work.job_id]
    assert fees == [FULL] * 3


async def test_who_says_what_nobody_else_finds_earns_nothing_and_loses_nothing(court: Court, reaching: None) -> None:
    await court.admit(11, 12, 13, 14, 15, egress=True)
    court.finds[party("v", 12)] = saying(12)
    work = work_of(segments=2)
    await court.take(work)
    await court.until_still()
    assert [event.lease_id for event in await court.said("lease.verified")] == [work.lease_id]
    assert not await court.said("audit.overruled", "dispute.lodged")
    upheld = await court.said("audit.upheld")
    assert {audit.fee for audit in upheld if audit.agreed} == {FULL}
    assert {audit.fee for audit in upheld if not audit.agreed} <= {0}


async def test_what_was_not_sealed_loses_its_bond_whatever_hosts_say(court: Court, reaching: None) -> None:
    await court.admit(11, 12, 13, 14, egress=True)
    honest = court.run

    async def forge(assigned: AuditAssigned) -> Any:
        found = await honest(assigned)
        return found.model_copy(update={"state": "0" * 64}) if assigned.verifier == party("v", 12) else found

    court.run = forge
    await court.take(work_of())
    await court.until_still()
    assert {audit.verifier for audit in await court.said("audit.overruled")} <= {party("v", 12)}
    assert len(await court.said("lease.verified")) == 1


async def test_what_was_not_drawn_is_not_paid_for_nothing_deters_there(
    court: Court, reaching: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(draws, "DRAWN_MAX", 2)
    await court.admit(11, 12, 13, egress=True)
    work, plain = work_of(segments=4), Work(2, segments=4)
    await court.take(work, plain)
    await court.until_still()
    assert {e.lease_id: e.code for e in await court.said("lease.rejected")} == {work.lease_id: NO_QUORUM}
    assert [event.lease_id for event in await court.said("lease.verified")] == [plain.lease_id]
    assert not await court.said("dispute.lodged", "audit.overruled")


def test_an_epoch_takes_what_reaches_hosts_alone_and_no_more_of_it_than_is_all_drawn() -> None:
    plain = part_of(Work(1, segments=4).case())
    reaching = replace(plain, reaches=True)
    large = replace(reaching, entry=replace(plain.entry, segments=DRAWN_MAX - 3))
    assert fitting([plain, reaching, plain]) == [plain, plain]
    assert fitting([reaching, plain, large, reaching]) == [reaching, reaching]
    assert fitting([large, reaching, plain]) == [large]


async def test_what_has_no_place_in_an_epoch_waits_for_the_next(court: Court, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pooling, "DRAWN_MAX", 5)
    works = [work_of(number, segments=3) for number in (1, 2, 3)]
    await court.take(*works)
    async with court.context.store.transaction() as tx:
        for work in works:
            entry = json.dumps(astuple(part_of(work.case()).entry))
            await tx.execute("update parts set checked_ms = 1, entry = $2 where lease_id = $1", work.lease_id, entry)
        hosts = """update leases set granted = jsonb_set(granted, '{spec,params,egress}', '["example.org"]')"""
        await tx.execute(f"{hosts} where lease_id = any($1)", [work.lease_id for work in works[:2]])
        provider, found = works[0].granted.provider, list[dict[str, bool]]()
        for _ in works:
            _, _, parts = await epochs.next_of(tx, provider)
            found.append({part.entry.lease_id: part.reaches for part in parts})
            await tx.execute("update parts set passed = true where lease_id = any($1)", list(found[-1]))
    assert sorted(map(list, (each.items() for each in found))) == sorted(
        [(work.lease_id, work in works[:2])] for work in works
    )


async def test_only_verifiers_that_let_programs_reach_hosts_are_asked(court: Court, reaching: None) -> None:
    await court.admit(11, 12, 13, egress=True)
    await court.admit(14, 15, 16)
    await court.take(work_of(segments=3))
    await court.until_still()
    asked = {assigned.verifier for assigned in await court.said("audit.assigned")}
    assert asked == {party("v", number) for number in (11, 12, 13)}


async def test_where_none_does_the_epoch_waits_and_says_why(court: Court, reaching: None) -> None:
    await court.admit(11, 12, 13)
    await court.take(work_of())
    await court.until_still()
    assert [event.reasons for event in await court.said("epoch.waiting")] == [{"verifier.no_egress": 3}]
    assert not await court.said("audit.assigned", "lease.rejected")


async def test_nothing_is_planted_beside_what_may_change(court: Court, reaching: None) -> None:
    court.knobs["planted_ppm"] = 500_000
    await court.admit(*range(11, 19), egress=True)
    await court.take(work_of(segments=3))
    await court.until_still()
    assert len(await court.said("audit.assigned")) == 9
