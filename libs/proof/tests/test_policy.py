"""The policy: what it promises holds, and no way of splitting or shrinking gets past it."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.proof.economics import MILLION, gain
from assay.proof.policy import (
    TIERS,
    Budget,
    Classes,
    Confidentiality,
    NoTier,
    Numerics,
    Plan,
    Reputation,
    Terms,
    Work,
    choose,
    full_fee,
    is_checkable,
    ordered_units,
    paid_ppm,
    quote_premium,
)
from assay.schema.job import JobSpec
from assay.schema.values import Policy, cost_of

PROVEN = Reputation(passed_epochs=50)
TERMS = Terms(segments=20_000, pay=10**9, stake=2 * 10**9)

sizes = st.integers(1, 30_000)


def settled(terms: Terms, reputation: Reputation = PROVEN) -> Plan:
    return choose(terms, reputation)


@settings(max_examples=60, deadline=None)
@given(sizes, st.integers(1, 10**24), st.integers(0, 30), st.integers(100_000, MILLION), st.sampled_from(Numerics))
def test_a_settled_plan_finds_deters_and_stays_within_its_budget(
    segments: int, pay: int, stakes: int, saved: int, numerics: Numerics
) -> None:
    terms = Terms(segments, pay, pay * stakes // 10, numerics=numerics, saved_ppm=saved)
    plan = settled(terms)
    found = dict(plan.detection)
    assert found[50_000] >= 990_000 or plan.chosen.k == segments
    assert list(found.values()) == sorted(found.values())
    assert plan.is_settled == (not plan.remedies)
    if plan.is_settled:
        risk = (pay, terms.stake, saved, plan.chosen.missed_ppm)
        assert all(gain(share, plan.chosen.k, *risk, margin=3) <= 0 for share in range(50_000, MILLION + 1, 50_000))
        assert plan.chosen.cost.total <= 10_000


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(1, 4_000), min_size=2, max_size=8), st.booleans())
def test_splitting_one_provider_into_many_lowers_neither_audits_nor_what_it_pays(
    parts: list[int], is_new: bool
) -> None:
    pay_each, reputation = 10**6, Reputation() if is_new else PROVEN

    def plan_of(segments: int) -> Plan:
        return settled(Terms(segments, pay_each * segments, 2 * pay_each * segments), reputation)

    whole, split = plan_of(sum(parts)), [plan_of(each) for each in parts]
    assert sum(each.chosen.k for each in split) >= whole.chosen.k
    assert sum(each.price for each in split) >= whole.price
    assert all(each.deters for each in split)
    for share in (1_000, 50_000, MILLION):
        earned = sum(gain(share, each.chosen.k, each.pay, each.stake, MILLION) for each in split)
        assert earned <= 0


def test_an_epoch_that_is_too_small_waits_grows_or_pays_for_itself() -> None:
    plan = settled(replace(TERMS, segments=100))
    ways = {remedy.name: remedy.amount for remedy in plan.remedies}
    assert not plan.is_within_budget
    assert set(ways) == {"pool", "lengthen", "self_pay"}
    assert settled(replace(TERMS, segments=ways["pool"])).is_settled
    assert not settled(replace(TERMS, segments=ways["pool"] * 9 // 10)).is_settled
    assert ways["lengthen"] * 100 >= ways["pool"]


def test_too_little_stake_is_named_to_the_unit() -> None:
    plan = settled(replace(TERMS, stake=0))
    assert not plan.deters and plan.gain_bound <= 0
    (remedy,) = plan.remedies
    assert settled(replace(TERMS, stake=remedy.amount)).is_settled
    assert not settled(replace(TERMS, stake=remedy.amount - 1)).is_settled


def test_newcomers_and_the_fallen_are_drawn_more_often() -> None:
    ks = [choose(TERMS, Reputation(passed)).chosen.k for passed in (0, 1, 2, 7, 8, 100)]
    assert ks == [270, 270, 180, 180, 90, 90]
    assert choose(TERMS, Reputation(100, score_ppm=500_000)).chosen.k == 270


@given(st.integers(0, MILLION))
def test_attestation_lowers_the_draws_to_half_at_most(attested: int) -> None:
    k = choose(TERMS, PROVEN, Classes(attested_ppm=attested)).chosen.k
    assert 45 <= k <= 90
    assert (k == 45) == (attested <= 500_000)
    assert choose(TERMS, Reputation(), Classes(attested_ppm=attested)).chosen.k == 270


@pytest.mark.parametrize(
    ("terms", "classes", "confidentiality", "tier"),
    [
        (TERMS, Classes(), Confidentiality.OPEN, "class_replay"),
        (replace(TERMS, numerics=Numerics.EXACT), Classes(owners=1), Confidentiality.OPEN, "exact"),
        (TERMS, Classes(owners=2), Confidentiality.OPEN, "tolerance"),
        (replace(TERMS, numerics=Numerics.BFLOAT16), Classes(owners=1), Confidentiality.OPEN, "trace"),
        (TERMS, Classes(owners=1, is_calibrated=False), Confidentiality.OPEN, "trace"),
        (replace(TERMS, work=Work.INFERENCE), Classes(), Confidentiality.INPUTS, "prefill"),
        (
            replace(TERMS, work=Work.OTHER, numerics=Numerics.BFLOAT16),
            Classes(owners=1),
            Confidentiality.OPEN,
            "replication",
        ),
        (replace(TERMS, work=Work.INFERENCE), Classes(), Confidentiality.SEALED, "zero_knowledge"),
        (replace(TERMS, state_bytes=2**40), Classes(), Confidentiality.OPEN, "trace"),
    ],
)
def test_the_cheapest_tier_that_is_admissible_is_chosen(
    terms: Terms, classes: Classes, confidentiality: Confidentiality, tier: str
) -> None:
    plan = choose(terms, PROVEN, classes, confidentiality)
    assert plan.chosen.tier == tier
    costs = [row.cost.total for row in plan.candidates if row.is_admissible]
    assert plan.chosen.cost.total == min(costs)
    assert all(row.against for row in plan.candidates if not row.is_admissible)


def test_work_that_nobody_may_look_at_has_no_plan() -> None:
    for seen in (Confidentiality.INPUTS, Confidentiality.SEALED):
        with pytest.raises(NoTier, match=f"class_replay: It shows more than {seen}"):
            choose(TERMS, PROVEN, confidentiality=seen)


def test_a_narrow_link_and_a_wide_budget_are_kept() -> None:
    plan = choose(replace(TERMS, state_bytes=10, trace_bytes=9), PROVEN, budget=Budget(link_bytes=899))
    assert plan.chosen.tier == "trace"
    assert choose(replace(TERMS, segments=100), PROVEN, budget=Budget(share_ppm=700_000)).is_within_budget


def test_every_tier_has_a_row_of_its_own() -> None:
    assert len({tier.name for tier in TIERS}) == len(TIERS)
    assert all(0 <= tier.missed_ppm < MILLION and tier.work and tier.numerics for tier in TIERS)


@given(st.integers(1, 500), st.data())
def test_premium_samples_find_what_the_buyer_fears(segments: int, data: st.DataObject) -> None:
    poisoned = data.draw(st.integers(1, segments))
    premium = quote_premium(TIERS[0], segments, 1_000, poisoned, 950_000)
    assert premium.detection_ppm >= 949_999
    assert premium.samples <= segments and premium.price >= premium.samples * 1_000


@pytest.mark.parametrize(
    ("kind", "params", "policy", "paid"),
    [
        ("finetune", {}, Policy(), MILLION),
        ("finetune", {}, Policy(method="trace"), 150_000),
        ("finetune", {"numerics": "exact"}, Policy(method="trace"), MILLION),
        ("finetune", {}, Policy(method="replication"), MILLION),
        ("generate", {}, Policy(), 260_000),
        ("generate", {}, Policy(method="replication"), 260_000),
        ("noop", {}, Policy(), MILLION),
    ],
)
def test_an_answer_earns_what_its_check_costs_of_the_segments_price(
    kind: str, params: dict[str, str], policy: Policy, paid: int
) -> None:
    extra = policy.model_copy(update={"audit_segments": 4})
    spec = JobSpec(kind=kind, params=params, segments=4, segment_units=1_000, policy=extra)
    assert paid_ppm(spec) == paid
    assert full_fee(spec, 3 * MILLION) == cost_of(paid // 1_000, 3 * MILLION)
    answers = 4 * (5 if policy.is_replicated else 1)
    assert ordered_units(spec) == answers * paid // 1_000


@pytest.mark.parametrize(
    ("params", "policy", "is_checked"),
    [
        ({}, Policy(method="trace"), True),
        ({"dtype": "bfloat16"}, Policy(method="trace"), True),
        ({"dtype": "bfloat16"}, Policy(), False),
        ({"dtype": "bfloat16"}, Policy(method="replication"), False),
        ({"method": "full"}, Policy(), True),
        ({"method": "full"}, Policy(method="trace"), False),
        ({"data_form": "chat"}, Policy(method="trace"), False),
        ({"clip_norm": 1.0}, Policy(method="trace"), False),
        ({"numerics": "exact"}, Policy(method="trace"), False),
    ],
)
def test_a_fine_tuning_is_ordered_only_with_a_check_that_fits_it(
    params: dict[str, object], policy: Policy, is_checked: bool
) -> None:
    assert is_checkable("finetune", params, policy) == is_checked
