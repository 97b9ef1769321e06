"""How an order is cut that names no length of its segments."""

from typing import Any

import pytest
from libs.client.tests.measured_jobs import SHAPE, Door, ran

from assay.client.cutting import JOBS_MAX, cut


async def test_an_order_is_cut_so_that_committing_takes_half_a_percent_by_the_last_job_alike() -> None:
    # A hundredth of four steps and itself: 4/99 of a step, so 9 of them hold it two hundred times, and 10 divide 1,000.
    door = Door(ran([0.5]), ran([0.01]), ran([0.9], batch=4), ran([0.9], kind="other"))
    found = await cut(door, "finetune", SHAPE | {"steps": 1000, "seed": 7, "data": "b" * 64})
    assert found.params["segment_steps"] == 10
    assert found.commit_ppm == 4_041 < 5_000


async def test_a_lie_of_one_of_three_segments_moves_nothing() -> None:
    honest = await cut(Door(ran([0.01, 0.01, 0.01])), "finetune", SHAPE | {"steps": 1000})
    assert await cut(Door(ran([0.01, 0.999, 0.01])), "finetune", SHAPE | {"steps": 1000}) == honest


async def test_a_provider_that_closed_nearly_all_segments_has_one_voice_of_three() -> None:
    kind, params, _ = ran([])
    told = [*(("liar", 0.999) for _ in range(50)), ("p1", 0.01), ("p2", 0.01)]
    assert (await cut(Door((kind, params, told)), "finetune", SHAPE | {"steps": 1000})).params["segment_steps"] == 10


@pytest.mark.parametrize(("share", "length"), [(1 - 1e-9, 4_000), (1e-9, 40)])
async def test_one_provider_alone_moves_the_length_tenfold_at_most(share: float, length: int) -> None:
    found = await cut(Door(ran([share], segment_steps=400)), "finetune", SHAPE | {"steps": 100_000})
    assert found.params["segment_steps"] == length
    assert found.commit_ppm is not None and 0 < found.commit_ppm <= 1_000_000


async def test_an_order_asks_of_a_few_jobs_however_many_there_were() -> None:
    door = Door(ran([0.01]), *(ran([0.5], batch=4) for _ in range(300)))
    assert (await cut(door, "finetune", SHAPE | {"steps": 1000})).commit_ppm is None
    assert door.asked == ["jobs", *["job"] * JOBS_MAX]


async def test_where_nothing_was_measured_the_job_before_is_asked_and_then_nobody() -> None:
    door = Door(ran([0.01]), ran([]))
    assert (await cut(door, "finetune", SHAPE | {"steps": 1000})).params["segment_steps"] == 10
    left = await cut(Door(ran([]), ran([2.0, float("nan")])), "finetune", SHAPE | {"steps": 1000})
    assert left.params == SHAPE | {"steps": 1000} and left.commit_ppm is None


async def test_a_job_has_no_more_segments_than_a_job_may_have_and_one_if_nothing_shorter_will_do() -> None:
    door = Door(ran([1e-6]), ran([1e-6]))
    assert (await cut(door, "finetune", SHAPE | {"steps": 50_000})).params["segment_steps"] == 5
    assert (await cut(Door(ran([0.9])), "finetune", SHAPE | {"steps": 97})).params["segment_steps"] == 97


@pytest.mark.parametrize("params", [{"steps": 1000, "segment_steps": 4}, {"segments": 3}, {"steps": 0}, {"steps": "x"}])
async def test_what_names_its_length_or_has_no_steps_is_left_as_it_is(params: dict[str, Any]) -> None:
    door = Door(ran([0.01]))
    assert (await cut(door, "finetune", SHAPE | params)).params == SHAPE | params
    assert door.asked == []
