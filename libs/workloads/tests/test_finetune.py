"""The plan of a fine-tuning job."""

from hypothesis import given
from hypothesis import strategies as st

from assay.workloads.finetune import Finetune, FinetuneParams

FIXED = {"model": "a" * 64, "data": "b" * 64}


@given(st.integers(1, 200), st.integers(1, 50), st.integers(1, 8), st.integers(8, 512))
def test_segments_cost_the_same_and_together_the_whole_job(segments: int, steps: int, batch: int, tokens: int) -> None:
    job = {"steps": segments * steps, "segment_steps": steps, "batch": batch, "sequence_tokens": tokens}
    plan = Finetune().plan(FinetuneParams.model_validate(FIXED | job))
    assert len(plan) == segments
    assert len(set(plan)) == 1
    assert sum(plan) == segments * steps * batch * tokens


def test_the_order_of_targets_makes_no_other_job() -> None:
    one = FinetuneParams(**FIXED, steps=1, segment_steps=1, targets=("v_proj", "q_proj"))
    assert one == FinetuneParams(**FIXED, steps=1, segment_steps=1, targets=("q_proj", "v_proj"))


def test_a_job_asks_for_its_text_its_threads_and_more_memory_for_longer_sequences() -> None:
    short = FinetuneParams(**FIXED, steps=1, segment_steps=1, sequence_tokens=64, threads=3)
    long = short.model_copy(update={"sequence_tokens": 1024})
    assert Finetune().inputs(short) == [FIXED["data"]]
    assert Finetune().requirements(short)["threads"] == 3
    assert Finetune().requirements(long)["memory_bytes"] > Finetune().requirements(short)["memory_bytes"]
