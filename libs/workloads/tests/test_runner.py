"""The child process and its runner, as real processes."""

import asyncio
import os
from pathlib import Path

import pytest

from assay.workloads.runner import Runner
from assay.workloads.task import Failed, Finished, Ready, SegmentDone, Task


def noop_task(folder: Path, **changes: object) -> Task:
    fields: dict[str, object] = {
        "kind": "noop",
        "params": {"segments": 4},
        "inputs": {},
        "models": str(folder),
        "folder": str(folder),
        "first": 0,
        "last": 4,
    }
    return Task.model_validate(fields | changes)


@pytest.fixture
async def runner(tmp_path: Path):
    runner = Runner(tmp_path / "child.log")
    yield runner
    await runner.kill()


async def test_a_task_says_ready_then_each_segment_then_finished(runner: Runner, tmp_path: Path) -> None:
    said = [type(message) async for message in runner.run(noop_task(tmp_path)) if not hasattr(message, "done")]
    assert said == [Ready, *[SegmentDone] * 4, Finished]


async def test_a_task_resumed_from_a_checkpoint_ends_in_the_same_state(runner: Runner, tmp_path: Path) -> None:
    whole = [m async for m in runner.run(noop_task(tmp_path)) if isinstance(m, SegmentDone)]
    resumed = noop_task(tmp_path, first=2, state=whole[1].path)
    later = [m async for m in runner.run(resumed) if isinstance(m, SegmentDone)]
    assert [m.state_digest for m in later] == [m.state_digest for m in whole[2:]]


async def test_a_killed_child_is_a_fault_of_the_machine_and_the_next_task_gets_a_new_one(
    runner: Runner, tmp_path: Path
) -> None:
    messages = runner.run(noop_task(tmp_path, params={"segments": 10_000}, last=10_000))
    await anext(messages)
    first = runner.pid
    assert first is not None
    os.kill(first, 9)
    *_, last = [message async for message in messages]
    assert isinstance(last, Failed) and last.fault and last.code == "workload.died"
    *_, last = [message async for message in runner.run(noop_task(tmp_path))]
    assert isinstance(last, Finished) and runner.pid != first


async def test_a_stopped_task_ends_after_the_segment_in_hand(runner: Runner, tmp_path: Path) -> None:
    messages = runner.run(noop_task(tmp_path, params={"segments": 10_000}, last=10_000))
    await anext(messages)
    runner.stop()
    *_, last = [message async for message in messages]
    assert isinstance(last, Finished) and last.result is None


async def test_a_paced_task_closes_a_segment_only_once_the_one_before_it_is_committed(
    runner: Runner, tmp_path: Path
) -> None:
    messages = runner.run(noop_task(tmp_path, is_paced=True))
    told: list[int] = []
    async for message in messages:
        if isinstance(message, SegmentDone):
            assert told == list(range(1, message.segment + 1))
            # Time enough for a child that does not wait.
            await asyncio.sleep(0.2)
            assert not (tmp_path / f"{message.segment + 1}.state").exists()
            told.append(message.segment + 1)
            runner.commit(told[-1])
    assert told == [1, 2, 3, 4]


async def test_a_paced_task_that_is_stopped_waits_no_more_and_the_next_one_begins_anew(
    runner: Runner, tmp_path: Path
) -> None:
    first = runner.run(noop_task(tmp_path, is_paced=True))
    while not isinstance(await anext(first), SegmentDone):
        pass
    runner.stop()
    *_, last = [message async for message in first]
    assert isinstance(last, Finished) and last.result is None
    later = runner.run(noop_task(tmp_path, is_paced=True, first=2, state=str(tmp_path / "0.state")))
    while not isinstance(message := await anext(later), SegmentDone):
        pass
    await asyncio.sleep(0.2)
    assert message.segment == 2 and not (tmp_path / "3.state").exists()


async def test_what_an_abandoned_task_says_yet_is_never_taken_for_the_next_ones(runner: Runner, tmp_path: Path) -> None:
    abandoned = [runner.run(noop_task(tmp_path, params={"segments": 50}, last=50)) for _ in range(2)]
    for messages in abandoned:
        await anext(messages)
        await messages.aclose()
    said = [message async for message in runner.run(noop_task(tmp_path)) if isinstance(message, SegmentDone)]
    assert [message.segment for message in said] == [0, 1, 2, 3]


async def test_a_child_that_loads_beforehand_says_of_it_nothing_to_its_first_task(tmp_path: Path) -> None:
    runner = Runner()
    try:
        runner.load(("regress",))
        assert runner.pid is None
        await runner.warm(("regress", "no such kind"))
        pid = runner.pid
        for turn in range(2):
            runner.load(("noop",) * turn)
            said = [m.said async for m in runner.run(noop_task(tmp_path))]
            assert said[0] == "ready" and said[-1] == "finished" and said.count("finished") == 1
            assert runner.pid == pid
    finally:
        await runner.kill()


async def test_bad_parameters_are_the_jobs_own_failure(runner: Runner, tmp_path: Path) -> None:
    said = [message async for message in runner.run(noop_task(tmp_path, params={"segments": 0}))]
    assert isinstance(said[-1], Failed) and not said[-1].fault and said[-1].code == "workload.bad_params"


async def test_a_missing_model_is_a_fault_of_the_machine(runner: Runner, tmp_path: Path) -> None:
    (tmp_path / "text").write_text("some text " * 400)
    params = {"model": "0" * 64, "data": "1" * 64, "steps": 2, "segment_steps": 1}
    task = noop_task(tmp_path, kind="finetune", params=params, inputs={"1" * 64: str(tmp_path / "text")}, last=1)
    *_, last = [message async for message in runner.run(task)]
    assert isinstance(last, Failed) and last.fault, last


async def test_the_child_ends_with_its_parents_input(tmp_path: Path) -> None:
    runner = Runner()
    await runner.warm()
    assert runner._process is not None and runner._process.stdin is not None
    runner._process.stdin.close()
    assert await asyncio.wait_for(runner._process.wait(), 120) == 0
