"""Properties of seeded sampling: nothing but logits, seed, request and position decides."""

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st

from assay.workloads.generate.params import GenerateParams
from assay.workloads.generate.sampler import choose, measure_margins

WORDS = 50
JOB = {"model": "0" * 64, "prompts": "0" * 64, "requests": 8}


def params(**changes: Any) -> GenerateParams:
    return GenerateParams.model_validate(JOB | changes)


def rows(seed: int, count: int) -> tuple[torch.Tensor, np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Logits, requests and positions."""
    logits = torch.randn(count, WORDS, generator=torch.Generator().manual_seed(seed)) * 3
    return logits, np.arange(count) % 3, np.arange(count) // 3


sampling = st.fixed_dictionaries(
    {
        "seed": st.integers(0, 2**63 - 1),
        "temperature": st.sampled_from([0.01, 0.5, 1.0, 2.0]),
        "top_k": st.sampled_from([1, 2, 10, WORDS - 1, WORDS, 200]),
        "top_p": st.sampled_from([0.3, 0.9, 1.0]),
    }
)


@settings(max_examples=20, deadline=None)
@given(sampling, st.integers(0, 100), st.randoms(use_true_random=False))
def test_the_tokens_are_the_same_however_the_rows_are_batched(how: dict[str, Any], seed: int, random: Any) -> None:
    (logits, requests, positions), job = rows(seed, 12), params(**how)
    order = random.sample(range(12), 4)
    together = choose(logits, job, requests, positions)
    alone = [choose(logits[[at]], job, requests[[at]], positions[[at]])[0] for at in order]
    assert [together[at] for at in order] == alone


@settings(max_examples=20, deadline=None)
@given(sampling, st.integers(0, 100))
def test_the_choice_alone_has_no_margin(how: dict[str, Any], seed: int) -> None:
    (logits, requests, positions), job = rows(seed, 12), params(**how)
    chosen = choose(logits, job, requests, positions)
    assert not measure_margins(logits, job, requests, positions, chosen).any()
    other = (chosen + 1 + np.arange(12) % (WORDS - 1)) % WORDS
    assert (measure_margins(logits, job, requests, positions, other) > 0).all()


@settings(max_examples=30, deadline=None)
@given(sampling, st.integers(0, 100), st.sampled_from([1e-5, 1e-3]))
@example({"seed": 0, "temperature": 0.01, "top_k": 1, "top_p": 0.3}, 71, 1e-3)
def test_a_machine_with_nearly_the_same_logits_chooses_what_has_nearly_no_margin(
    how: dict[str, Any], seed: int, blur: float
) -> None:
    (logits, requests, positions), job = rows(seed, 60), params(**how)
    theirs = logits + (torch.rand(logits.shape, generator=torch.Generator().manual_seed(seed + 1)) * 2 - 1) * blur
    chosen = choose(theirs, job, requests, positions)
    assert measure_margins(logits, job, requests, positions, chosen).max() <= 2.1 * blur + 1e-5


def test_tokens_come_as_often_as_the_model_says() -> None:
    shares, count = torch.tensor([0.5, 0.3, 0.15, 0.05]), 20_000
    logits = shares.log().repeat(count, 1)
    chosen = choose(logits, params(temperature=1.0, seed=3), np.zeros(count, np.int64), np.arange(count))
    found = np.bincount(chosen, minlength=4) / count
    assert np.abs(found - shares.numpy()).max() < 0.01


@pytest.mark.parametrize(("how", "allowed"), [({"top_k": 2}, {0, 1}), ({"top_p": 0.6}, {0, 1}), ({"top_p": 0.4}, {0})])
def test_only_the_likeliest_tokens_are_chosen(how: dict[str, Any], allowed: set[int]) -> None:
    logits = torch.tensor([0.5, 0.3, 0.15, 0.05]).log().repeat(500, 1)
    job, requests, positions = params(temperature=1.0, **how), np.zeros(500, np.int64), np.arange(500)
    assert set(choose(logits, job, requests, positions).tolist()) == allowed
    outside = np.full(500, 3)
    assert (measure_margins(logits, job, requests, positions, outside) > 1).all()
