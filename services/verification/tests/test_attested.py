"""A report that stands lowers how much is drawn, for the machine it is of and as long as it stands: no further."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from services.verification.tests.court import Court
from services.verification.tests.samples import Work, party

from assay.proof.policy import Classes, attest
from assay.schema.attestation import ReportFinding
from assay.schema.offer import OfferListed
from assay.schema.values import Capacity, derive_id
from assay.verification.domain import count_of

OWN, OTHER, REPORT = "a" * 64, "b" * 64, "e" * 64
SEGMENTS = 40
PASSED_EPOCHS = 8
UNTRUSTED = "attestation.untrusted"


def listed(number: int, now_ms: int, found: ReportFinding | None, sequence: int = 1, **changes: Any) -> OfferListed:
    plain: dict[str, Any] = {"expires_ms": now_ms + 600_000} | changes
    return OfferListed(
        offer_id=derive_id("f", number),
        provider=party("p", number),
        sequence=sequence,
        kinds=("noop",),
        capacity=Capacity(slots=1, memory_bytes=1),
        region="de",
        mega_unit_price=1,
        reputation=1,
        stake=1,
        attestation=found,
        **plain,
    )


def finding(machine: str = OWN, code: str | None = None) -> ReportFinding:
    return ReportFinding(technology="sev-snp", report=REPORT, machine=machine, code=code)


async def known(court: Court, *numbers: int) -> None:
    """Let these providers have a record."""
    sql = """insert into epochs (epoch_id, provider, number, committed, root, state)
             values ($1, $2, $3, '{}', $4, 'passed')"""
    async with court.context.store.transaction() as tx:
        for number in numbers:
            for epoch in range(1, PASSED_EPOCHS + 1):
                await tx.execute(sql, derive_id("x", number, epoch), party("p", number), epoch, OTHER)


@pytest.mark.server
async def test_an_attested_provider_is_sampled_less_and_never_below_the_floor(court: Court) -> None:
    court.knobs = {"draws": None}
    now_ms = court.context.now()
    plain, attested, elsewhere, refused, newcomer, expired, renewed = range(1, 8)
    await known(court, plain, attested, elsewhere, refused, expired, renewed)
    await court.hear(
        listed(plain, now_ms, None),
        listed(attested, now_ms, finding()),
        listed(elsewhere, now_ms, finding(OTHER)),
        listed(refused, now_ms, finding(code=UNTRUSTED)),
        listed(newcomer, now_ms, finding()),
        listed(expired, now_ms, finding(), expires_ms=now_ms - 1),
        listed(renewed, now_ms, finding()),
    )
    await court.hear(listed(renewed, now_ms, None, sequence=2))
    await court.take(*(Work(n, provider=n, segments=SEGMENTS, machine=OWN) for n in range(1, 8)))
    await court.until_still()
    said = {event.provider: event for event in await court.said("epoch.drawn")}
    drawn = {number: len(said[party("p", number)].drawn) for number in range(1, 8)}
    whole = drawn[plain]
    assert drawn[attested] == -(-whole // 2) < whole < SEGMENTS
    assert [drawn[number] for number in (elsewhere, refused, expired, renewed)] == [whole] * 4
    assert drawn[newcomer] == SEGMENTS, "a report is no record"
    named = {number for number in range(1, 8) if said[party("p", number)].attestation == REPORT}
    assert named == {attested, newcomer}


@given(st.integers(1, 2_000), st.integers(0, 20))
def test_a_report_has_half_drawn_at_least_and_from_a_newcomer_as_much_as_without(segments: int, passed: int) -> None:
    whole, less = (count_of(segments, passed, (), attest(Classes(), report)) for report in (None, REPORT))
    assert -(-whole // 2) <= less <= whole
    assert passed >= PASSED_EPOCHS or less == whole
