import json
from collections import Counter
from itertools import permutations
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.proof.sampling import detection, draw, seed

GOLDEN = json.loads((Path(__file__).parent / "golden" / "draws.json").read_text())

seeds = st.binary(min_size=32, max_size=32).map(bytes.hex)
costs = st.lists(st.integers(0, 2**62), max_size=60)


@given(seeds, costs, st.integers(0, 80))
def test_a_draw_is_of_distinct_places_and_the_same_each_time(seed_: str, weights: list[int], k: int) -> None:
    drawn = draw(seed_, weights, k)
    assert list(drawn) == sorted(set(drawn))
    assert len(drawn) == min(k, len(weights))
    assert all(0 <= place < len(weights) for place in drawn)
    assert draw(seed_, list(weights), k) == drawn


@pytest.mark.parametrize("case", GOLDEN, ids=lambda case: f"{case['k']}-of-{len(case['costs'])}")
def test_draws_are_what_they_were(case: dict[str, object]) -> None:
    seed_ = seed(case["block_hash"], case["root"])
    assert seed_ == case["seed"]
    assert list(draw(seed_, case["costs"], case["k"])) == case["drawn"]


def test_the_first_draw_follows_the_costs() -> None:
    weights, turns = [1, 2, 3, 0, 10, 4], 20_000
    found = Counter(draw(f"{turn:064x}", weights, 1)[0] for turn in range(turns))
    effective = [max(weight, 1) for weight in weights]
    expected = [turns * weight / sum(effective) for weight in effective]
    chi_squared = sum((found[place] - wanted) ** 2 / wanted for place, wanted in enumerate(expected))
    assert chi_squared < 20.5  # the 0.1 % point for five degrees of freedom


def test_later_draws_follow_the_costs_that_are_left() -> None:
    weights, turns = [1, 2, 5, 8], 20_000
    found = Counter(draw(f"{turn:064x}", weights, 2) for turn in range(turns))
    chance: Counter[tuple[int, ...]] = Counter()
    for first, second in permutations(range(4), 2):
        pair = tuple(sorted((first, second)))
        chance[pair] += weights[first] / 16 * weights[second] / (16 - weights[first])
    chi_squared = sum((found[pair] - turns * share) ** 2 / (turns * share) for pair, share in chance.items())
    assert chi_squared < 20.5


def test_what_claims_to_cost_nothing_is_drawn_too() -> None:
    found = {place for turn in range(400) for place in draw(f"{turn:064x}", [0, 5, 0], 1)}
    assert found == {0, 1, 2}


@given(st.binary(min_size=32, max_size=32), seeds, st.integers(0, 255))
def test_the_seed_follows_from_every_bit_of_block_and_root(block: bytes, root: str, bit: int) -> None:
    flipped_block = (int.from_bytes(block, "big") ^ (1 << bit)).to_bytes(32, "big")
    flipped_root = f"{int(root, 16) ^ (1 << bit):064x}"
    assert len({seed(block, root), seed(flipped_block, root), seed(block, flipped_root)}) == 3
    assert seed("0x" + block.hex(), root) == seed(block, root)


def test_detection_is_what_is_found_in_simulation() -> None:
    segments, false, k, turns = 20, 5, 4, 4_000
    found = sum(any(p < false for p in draw(f"{turn:064x}", [7] * segments, k)) for turn in range(turns)) / turns
    exact = 1 - (15 * 14 * 13 * 12) / (20 * 19 * 18 * 17)
    assert abs(found - exact) < 0.025
    assert detection(false / segments, k) <= exact


@given(st.floats(0, 1), st.integers(0, 50), st.floats(0, 1))
def test_more_draws_never_find_less(falsified: float, k: int, missed: float) -> None:
    assert 0 <= detection(falsified, k, missed) <= detection(falsified, k + 1, missed) <= 1
