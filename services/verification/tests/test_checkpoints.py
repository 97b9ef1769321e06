"""Checkpoints that are what was committed, and that no segment of the job can start from: nobody could audit it."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from services.verification.tests.court import Court
from services.verification.tests.samples import Work
from tests.played import PlayedBlobs, unsealed

from assay.proof.digest import blake3_hex
from assay.schema.job import JobSpec
from assay.verification.checkpoints import fault_after, fault_before
from assay.verification.replayer import ChildReplayer
from assay.workloads import HeldInputs, ModelStore, ignore_progress, read_params, workload
from assay.workloads.checkpoint import read_tensors, write_tensors
from assay.workloads.runner import Runner

REGRESS = workload("regress")
X = np.random.default_rng(5).standard_normal((12, 5)).astype(np.float32)
DATA = write_tensors({"x": X, "y": X[:, :2].copy()})
SHAPE = {"features": 5, "hidden": 3, "outputs": 2, "batch": 4, "steps": 10, "segment_steps": 5, "learning_rate": 0.1}


@dataclass
class Learnt(Work):
    """One lease that learnt in two segments; the first may end in weights of another network."""

    segments: int = 2
    is_false: bool = False

    @property
    def spec(self) -> JobSpec:
        params = SHAPE | {"data": blake3_hex(DATA), "seed": self.number}
        units = REGRESS.plan(read_params("regress", params))[0]
        return JobSpec(
            kind="regress", params=params, inputs=(blake3_hex(DATA),), segments=2, segment_units=units, policy=POLICY
        )

    def run(self) -> list[bytes]:
        params, inputs = (
            read_params("regress", self.spec.params),
            HeldInputs(ModelStore(Path()), {self.put(DATA): DATA}),
        )
        states = [REGRESS.start(params, inputs)]
        for segment in range(2):
            states.append(REGRESS.run(params, inputs, states[-1], segment, ignore_progress).state)
        if self.is_false:
            states[1] = write_tensors({name: values[:-1].copy() for name, values in read_tensors(states[1]).items()})
        return states


POLICY = Work(1).spec.policy


@pytest.mark.parametrize("is_false", [False, True])
async def test_what_no_segment_can_start_from_is_found_on_either_side_of_it(
    runner: Runner, tmp_path: Path, is_false: bool
) -> None:
    work = Learnt(1, is_false=is_false)
    replayer = ChildReplayer(unsealed(PlayedBlobs(work.blobs)), runner, tmp_path, tmp_path / "scratch")
    fault = "segment.bad_checkpoint" if is_false else None
    assert await fault_after(work.case(), 0, replayer) == fault
    assert await fault_before(work.case(), 1, replayer) == fault
    assert await fault_before(work.case(), 0, replayer) is None
    assert await fault_after(work.case(), 1, replayer) is None


@pytest.mark.server
async def test_an_epoch_does_not_wait_for_answers_that_nobody_can_give(court: Court) -> None:
    await court.take(Learnt(1, is_false=True))
    await court.until_still()
    assert [event.code for event in await court.said("epoch.withheld")] == ["segment.bad_checkpoint"]
    assert await court.types("job") == ["job.rejected"]
