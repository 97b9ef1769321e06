"""The formula of bootstrap rewards: what earns, and that splitting an identity never pays."""

from dataclasses import dataclass

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from assay.proof.eip712 import Domain
from assay.proof.keccak import keccak256
from assay.proof.rewards import Entry, Inputs, Terms, budget_of, leaf_hash, period_of, prove, root_of, weight_of
from assay.schema.errors import Reject

DOMAIN = Domain(31337, "0x" + "ab" * 20)
EMISSION = 1000 * 10**18
AMOUNTS = st.integers(0, 2**90)
INPUTS = st.builds(Inputs, AMOUNTS, AMOUNTS, AMOUNTS)
TERMS = st.builds(Terms, st.integers(10_000, 10**6), st.integers(10_000, 500_000), st.integers(1, 10**24))
PLACES = st.sampled_from([bytes([number]) * 32 for number in range(3)])
NEIGHBOURS = st.lists(st.tuples(PLACES, INPUTS), max_size=3)
CALM = settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow])


@dataclass
class Cut:
    """A way to cut each input into the same number of parts, by shares."""

    shares: list[tuple[int, int, int]]

    def apply(self, whole: Inputs) -> list[Inputs]:
        totals = [sum(column) for column in zip(*self.shares, strict=True)]
        columns = [self._parts(amount, turn, totals[turn]) for turn, amount in enumerate(whole)]
        return [Inputs(*part) for part in zip(*columns, strict=True)]

    def _parts(self, amount, turn, total):
        parts = [amount * share[turn] // total for share in self.shares]
        return [parts[0] + amount - sum(parts), *parts[1:]]


SHARE = st.integers(1, 1000)
CUTS = st.builds(Cut, st.lists(st.tuples(SHARE, SHARE, SHARE), min_size=2, max_size=5))


def address(number):
    return f"0x{number:040x}"


def earned(mine, others, terms):
    entries = [Entry(address(turn), bytes(32), each) for turn, each in enumerate(mine)]
    entries += [Entry(address(100 + turn), place, each) for turn, (place, each) in enumerate(others)]
    return sum(period_of(1, entries, EMISSION, terms).rewards[: len(mine)])


@CALM
@given(INPUTS, CUTS, NEIGHBOURS, TERMS)
def test_splitting_an_identity_never_pays(whole, cut, others, terms):
    parts = cut.apply(whole)
    assert [sum(column) for column in zip(*parts, strict=True)] == list(whole)
    assert earned(parts, others, terms) <= earned([whole], others, terms)


@CALM
@given(INPUTS, INPUTS, NEIGHBOURS, TERMS)
def test_doing_more_never_earns_less(inputs, more, others, terms):
    grown = Inputs(*map(sum, zip(inputs, more, strict=True)))
    assert earned([inputs], others, terms) <= earned([grown], others, terms)


@CALM
@given(st.lists(INPUTS, min_size=1, max_size=4), NEIGHBOURS, TERMS)
def test_a_place_gets_its_cap_at_most_however_many_identities_are_there(mine, others, terms):
    elsewhere = [(place, each) for place, each in others if place != bytes(32)]
    assert earned(mine, elsewhere, terms) <= EMISSION * terms.cap_ppm // 10**6
    assert earned(mine, others, terms) <= EMISSION


@pytest.mark.parametrize("inputs", [(0, 10**9, 10**9), (10**9, 0, 10**9), (10**9, 10**9, 0)])
def test_capacity_counts_only_challenged_worked_and_staked_for(inputs):
    assert weight_of(Inputs(*inputs), Terms(200_000, 250_000, 10**6)) == 0


def test_concentration_at_a_place_lowers_what_it_gets():
    terms = Terms(200_000, 500_000, 1)
    assert [budget_of(1000, share, 100, terms) for share in (1, 25, 50, 100)] == [9, 218, 375, 500]


def test_every_leaf_is_proven_under_the_root():
    entries = [Entry(address(turn), bytes(32), Inputs(10**6 + turn, 10**6, 10**18)) for turn in range(7)]
    period = period_of(3, entries, EMISSION, Terms(200_000, 250_000, 10**6))
    for index, leaf in enumerate(period.leaves):
        node = leaf_hash(DOMAIN, 3, leaf)
        for sibling in prove(DOMAIN, period, index):
            node = keccak256(min(node, sibling) + max(node, sibling))
        assert node == root_of(DOMAIN, period)
    assert period.total == sum(period.rewards) <= EMISSION


def test_a_provider_that_stands_twice_or_a_number_too_large_is_refused():
    terms, entry = Terms(200_000, 250_000, 1), Entry("0x" + "Aa" * 20, bytes(32), Inputs(1, 1, 1))
    with pytest.raises(Reject):
        period_of(1, [entry, entry._replace(provider="0x" + "aA" * 20)], EMISSION, terms)
    with pytest.raises(Reject):
        period_of(1, [entry._replace(inputs=Inputs(2**112, 1, 1))], EMISSION, terms)
