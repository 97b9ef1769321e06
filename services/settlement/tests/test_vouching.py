"""Jobs paid by vouchers: the highest that the requester signed, if the lease stands, and never above the hold."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from services.settlement.tests.market import DEPOSIT, Knobs, Market
from services.settlement.tests.stories import PRICE, UNITS, Part, Story, key_of

from assay.proof import sign_event, verify
from assay.proof.eip712 import Domain
from assay.proof.voucher import Stream, sign_voucher
from assay.schema import Envelope
from assay.schema.job import JobSpec
from assay.schema.lease import LeaseGranted
from assay.schema.values import cost_of
from assay.schema.voucher import VoucherPresented
from assay.settlement.domain import audit_fee, close, gather, lacks
from assay.settlement.vouching import owed_by, vouched_by_ms


@dataclass(frozen=True)
class Served(Story):
    """A story whose leases are paid by vouchers, handed in before the work stops: fence, units, by true key or not."""

    handed: tuple[tuple[int, int, bool], ...] = ()

    @property
    def spec(self) -> JobSpec:
        return super().spec.model_copy(update={"kind": "serve"})

    def voucher(self, fence: int, units: int, is_true: bool = True) -> Envelope[Any]:
        granted: LeaseGranted = self.leases()[fence - 1].said[0].event
        fact = {name: getattr(granted, name) for name in ("lease_id", "job_id", "provider", "fence")}
        signer = key_of(self.requester) if is_true else key_of("somebody else")
        signature = sign_voucher(signer, self.domain, Stream.of(granted, granted.requester), units).signature
        event = VoucherPresented(**fact, units=units, signature=signature)
        name = self.parts[fence - 1].provider
        return sign_event(key_of(name), self.domain, event, granted.provider, self.now_ms + 500 + units)

    def work(self) -> list[Envelope[Any]]:
        said = super().work()
        at = next(at for at, each in enumerate(said) if each.event.type.startswith("job."))
        return [*said[:at], *(self.voucher(*each) for each in self.handed), *said[at:]]


@st.composite
def served(draw: st.DrawFn) -> Served:
    part = st.builds(Part, st.sampled_from(["alpha", "beta"]), st.integers(0, 2), st.booleans())
    parts = tuple(draw(st.lists(part, min_size=1, max_size=3)))
    handed = st.lists(st.tuples(st.integers(1, len(parts)), st.integers(1, 6 * UNITS), st.booleans()), max_size=6)
    end = draw(st.sampled_from(["failed", "expired", "cancelled"]))
    return Served("one", parts, end, draw(st.integers(0, 20_000)), handed=tuple(draw(handed)))


@settings(deadline=None, max_examples=60)
@given(served(), st.randoms(use_true_random=False))
def test_in_any_order_any_number_of_times_the_highest_good_voucher_of_a_lease_that_stands_is_paid(
    story: Served, chance: random.Random
) -> None:
    events = [each.event for each in (story.submitted(), *story.work())]
    events += chance.sample(events, len(events) // 2)
    chance.shuffle(events)
    dossier = gather(events)
    assert lacks(dossier) == []
    closure = close(dossier, story.price_limit, owed=owed_by(story.domain, dossier))
    left, expected = story.price_limit, {}
    for fence, part in enumerate(story.parts, 1):
        best = max((units for at, units, is_true in story.handed if at == fence and is_true), default=0)
        if part.is_true or not part.segments:
            cost = min(cost_of(min(best, (part.segments + 2) * UNITS), PRICE), left)
            expected[fence], left = cost - audit_fee(cost), left - cost
    assert {each.fence: each.amount for each in closure.payouts if each.amount} == {
        fence: amount for fence, amount in expected.items() if amount
    }
    assert sum(each.amount + each.fee for each in closure.payouts) + closure.refunded == story.price_limit


def test_a_voucher_of_another_chain_is_owed_by_nobody() -> None:
    story = Served("one", (Part("alpha", 1),), "cancelled", handed=((1, 10, True),))
    elsewhere = replace(story, domain=Domain(1, story.domain.verifying_contract))
    dossier = gather(each.event for each in (story.submitted(), *elsewhere.work()))
    assert owed_by(story.domain, dossier) == {} and dossier.presented
    assert vouched_by_ms(dossier, [*story.work()], 7) == story.now_ms + 7


@pytest.mark.server
async def test_a_cancelled_stream_waits_for_its_last_voucher_and_its_receipt_shows_it(market: Market) -> None:
    patient = replace(market, knobs=Knobs(voucher_wait_s=3600))
    parts, handed = (Part("alpha", 0), Part("beta", 0)), ((1, 300, True), (2, 40, True), (2, 50, False))
    base: Any = market.story("stream", parts, "cancelled")
    story = Served(**{name: getattr(base, name) for name in base.__dataclass_fields__} | {"handed": handed})
    await patient.play(story)
    assert await market.money_said() == []
    await market.hear_all([story.voucher(1, 200), story.voucher(1, 400), story.voucher(1, 400)])
    await market.rows("update touched set not_before_ms = 0 returning 1")
    await replace(market, knobs=Knobs(voucher_wait_s=0)).hands().until_still()
    (closing,) = await market.said("job.refunded")
    costs = [cost_of(400, PRICE), cost_of(40, PRICE)]
    assert [each["amount"] for each in closing["payouts"]] == [cost - audit_fee(cost) for cost in costs]
    assert await market.deposit("requester") == DEPOSIT - sum(costs)
    sealed = await market.context.bus.blobs.get(closing["receipt"])
    assert said_of(verify(sealed.decode()).faults) == []
    await market.check()


def said_of(faults: Sequence[Any]) -> list[str]:
    return [f"{fault.name}: {fault.sentence}" for fault in faults]
