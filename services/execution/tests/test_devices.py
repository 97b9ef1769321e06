"""GPUs and progress: each child has a device of its own, and how far it is is said seldom."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from assay.execution.domain import Closed, FalseCheckpoint, begin, commit
from assay.execution.lease_run import LeaseRun, Tools
from assay.execution.rooms import devices_for, room_of
from assay.execution.settings import Settings
from assay.schema.errors import BadSettings
from assay.schema.event import Event
from assay.schema.job import JobSpec
from assay.schema.lease import LeaseGranted, ResumePoint
from assay.schema.values import NO_DIGEST, derive_id
from assay.workloads.environment import child_environment
from assay.workloads.errors import BadCheckpoint
from assay.workloads.task import Failed, Progressed


def test_no_two_leases_share_a_gpu() -> None:
    assert devices_for(2, ("0", "MIG-7a/1/0", "2")) == ["0", "MIG-7a/1/0"]
    assert devices_for(3, ()) == [None] * 3
    with pytest.raises(BadSettings, match="3 leases at a time would share 2 GPUs"):
        devices_for(3, ("0", "1"))


def test_a_child_with_a_device_sees_no_other_and_grows_its_memory_in_place(tmp_path: Path) -> None:
    files = {name: tmp_path / name for name in ("key_file", "deployment_file", "data_dir", "models_dir")}
    settings = Settings(**files)
    told = child_environment({"CUDA_VISIBLE_DEVICES": "0,1,2"}, room_of(settings, "child-1", "1"))
    assert told["CUDA_VISIBLE_DEVICES"] == "1" and told["PYTORCH_ALLOC_CONF"] == "expandable_segments:True"
    assert child_environment({"CUDA_VISIBLE_DEVICES": "0"}, room_of(settings, "child-0"))["CUDA_VISIBLE_DEVICES"] == "0"


@dataclass
class Mouth:
    """What a worker says, while the way is open or not."""

    said: list[Event] = field(default_factory=list)
    is_clear: bool = True

    def say(self, event: Event) -> None:
        self.said.append(event)


async def test_progress_is_said_at_a_bounded_rate_and_not_while_the_way_is_blocked() -> None:
    spec = JobSpec(kind="noop", params={"segments": 1}, segments=1, segment_units=1)
    ids: dict[str, Any] = {"lease_id": derive_id("l", 1), "job_id": derive_id("j", 1), "provider": "p" + "a" * 32}
    offer = {"requester": "r" + "a" * 32, "offer_id": "f" + "a" * 26, "mega_unit_price": 1, "deadline_ms": 2**50}
    granted = LeaseGranted(**ids, fence=1, spec=spec, **offer)
    mouth, clock = Mouth(), [0]
    tools = Tools(None, mouth, Path(), None, lambda: clock[0], progress_ms=5_000)
    run, course = LeaseRun(granted, [], tools), begin(granted, NO_DIGEST)
    for step in range(1, 31):
        clock[0] += 1_000
        mouth.is_clear = step < 20
        await run._on_message(course, Progressed(segment=0, done=step, total=30, metrics={"loss": 1 / step}))
    assert [getattr(event, "done", 0) for event in mouth.said] == [5, 10, 15]
    assert run.progress["done"] == 30


def test_who_was_restarted_and_falls_at_a_checkpoint_of_its_own_leaves_the_job_to_others() -> None:
    spec = JobSpec(kind="noop", params={"segments": 3}, segments=3, segment_units=1)
    ids: dict[str, Any] = {"lease_id": derive_id("l", 1), "job_id": derive_id("j", 1), "provider": "p" + "a" * 32}
    offer = {"requester": "r" + "a" * 32, "offer_id": "f" + "a" * 26, "mega_unit_price": 1, "deadline_ms": 2**50}
    resume = ResumePoint(segment=0, state="ab" * 32, checkpoint="ab" * 32, commitment="cd" * 32)
    granted = LeaseGranted(**ids, fence=2, spec=spec, resume=resume, **offer)
    closed = Closed(1, "ef" * 32, "ef" * 32, 1, 1, {}, "0" * 64, "0" * 64)
    _, own = commit(begin(granted, resume.state), closed)
    mouth = Mouth()
    tools = Tools(None, mouth, Path(), None, lambda: 0)
    fallen = Failed(code=BadCheckpoint.code, detail="it is none", fault=True)
    again = LeaseRun(granted, [own], tools)
    again._say = mouth.say
    again._fail(fallen)
    assert [event.type for event in mouth.said] == ["lease.released"]
    with pytest.raises(FalseCheckpoint):
        LeaseRun(granted, [], tools)._fail(fallen)
