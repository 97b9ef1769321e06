"""The sketch: small, the same token by token as all at once, and far from that of other states."""

from functools import partial

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.workloads.generate.forms import FORMS, Sketcher
from assay.workloads.generate.sketch import Sketch, distances, draw_projection, fold, project

WIDTH = 24
PROJECTION = draw_projection(9, WIDTH)


def sketched(states: torch.Tensor, projection: torch.Tensor = PROJECTION) -> Sketch:
    add = partial(project, projection=projection)
    return Sketcher(FORMS["projection"], add).see(states)


def states(seed: int, tokens: int) -> torch.Tensor:
    return torch.randn(tokens, WIDTH, generator=torch.Generator().manual_seed(seed))


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 50), st.integers(1, 100))
def test_token_by_token_and_all_at_once_give_one_sketch_of_half_a_byte_a_token(seed: int, tokens: int) -> None:
    found = states(seed, tokens)
    slowly = fold(torch.stack([project(row[None], at, PROJECTION)[0] for at, row in enumerate(found)]))
    at_once = sketched(found)
    assert distances(at_once, slowly).max() < 2e-3
    assert at_once.nbytes == 16 * -(-tokens // 32)


def test_signs_follow_from_the_seed_alone() -> None:
    assert torch.equal(PROJECTION, draw_projection(9, WIDTH))
    assert not torch.equal(PROJECTION, draw_projection(10, WIDTH))
    assert torch.unique(PROJECTION.abs()).numel() == 1
    assert abs(float(PROJECTION.sign().mean())) < 0.05


def test_the_distance_of_sketches_is_about_that_of_the_states() -> None:
    wide = draw_projection(1, 512)
    mine = torch.randn(32 * 40, 512, generator=torch.Generator().manual_seed(1))
    for share in (0.01, 0.1):
        theirs = mine + share * torch.randn(mine.shape, generator=torch.Generator().manual_seed(2))
        apart = distances(sketched(mine, wide), sketched(theirs, wide))
        assert 0.7 * share < np.median(apart) < 1.4 * share


def test_a_change_of_one_state_moves_its_chunk_alone() -> None:
    mine = states(3, 70)
    theirs = mine.clone()
    theirs[40] += 1
    apart = distances(sketched(mine), sketched(theirs))
    assert apart[1] > 0.05
    assert not apart[[0, 2]].any()
