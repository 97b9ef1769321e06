"""A process that was warmed for a job runs its first segment with what it holds, to the same bits as a cold one."""

from pathlib import Path
from typing import Any

import pytest

from assay.workloads import WORKLOADS, HeldInputs, SegmentResult, ignore_progress
from assay.workloads.base_model import adapt
from assay.workloads.errors import InputMissing
from assay.workloads.finetune import Finetune
from assay.workloads.runner import Runner
from assay.workloads.task import Failed, Finished, Message, Warm
from assay.workloads.text import tokenize
from assay.workloads.workload import Warmable

FINETUNE = Finetune()


def test_the_first_segment_of_a_warm_process_loads_nothing_and_ends_in_the_same_bits(
    bench: Any, start: bytes, chain: list[SegmentResult]
) -> None:
    adapt.cache_clear()
    tokenize.cache_clear()
    FINETUNE.warm(bench.params(), bench.inputs)
    before = adapt.cache_info().misses, tokenize.cache_info().misses
    closed = FINETUNE.run(bench.params(), bench.inputs, start, 0, ignore_progress)
    assert (adapt.cache_info().misses, tokenize.cache_info().misses) == before == (1, 1)
    assert closed.state == chain[0].state


def test_a_process_without_the_jobs_data_cannot_be_warm(bench: Any) -> None:
    with pytest.raises(InputMissing):
        FINETUNE.warm(bench.params(), HeldInputs(bench.inputs.models))


def test_what_keeps_a_model_in_memory_can_be_warmed() -> None:
    assert {work.kind for work in WORKLOADS if isinstance(work, Warmable)} == {"finetune", "generate"}


async def said(folder: Path, **fields: Any) -> list[Message]:
    """What a child says of being warmed."""
    runner = Runner(folder / "child.log")
    task = {"params": {}, "inputs": {}, "models": str(folder), "folder": str(folder)} | fields
    heard = [message async for message in runner.run(Warm.model_validate(task))]
    await runner.kill()
    return heard


async def test_a_kind_that_holds_nothing_is_warm_at_once_and_a_missing_model_is_said(tmp_path: Path) -> None:
    assert await said(tmp_path, kind="noop", params={"segments": 2}) == [Finished()]
    prompts = {"model": "d" * 64, "prompts": "e" * 64, "requests": 2, "segment_requests": 1, "max_tokens": 1}
    (failed,) = await said(tmp_path, kind="generate", params=prompts)
    assert isinstance(failed, Failed) and failed.fault and failed.code == "workload.model_missing"
