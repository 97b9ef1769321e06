"""A checkpoint shows by its form what can start from it: what is refused there, running it would refuse as well."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from assay.workloads import BadCheckpoint, HeldInputs, ModelStore, ignore_progress, read_params, workload
from assay.workloads.checkpoint import ADAPTER, GROUPS, STEP, read_checkpoint, write_tensors
from assay.workloads.command import state as outputs
from assay.workloads.render import state as picture
from assay.workloads.workload import Placed

DIGEST = "a" * 64
NOTHING = HeldInputs(ModelStore(Path()))


def refused(work: Any, params: Any, start: bytes, state: bytes, closed: int, inputs: Any = NOTHING) -> bool:
    """Whether the form is refused; then running from there is, too."""
    assert isinstance(work, Placed)
    try:
        work.check_place(params, work.form(start), state, closed)
    except BadCheckpoint:
        with pytest.raises(BadCheckpoint):
            work.run(params, inputs, state, closed, ignore_progress)  # type: ignore[attr-defined]
        return True
    return False


def test_an_adapter_is_of_the_jobs_shapes_and_of_its_steps(bench: Any) -> None:
    work, params = workload("finetune"), bench.params()
    start = work.start(params, bench.inputs)
    (first,) = bench.chain(start, range(1))
    tensors = read_checkpoint(first.state)
    name = next(name for name in tensors if name.startswith(ADAPTER)).removeprefix(ADAPTER)
    wider = tensors | {group + name: np.concatenate([tensors[group + name]] * 2) for group in GROUPS}
    later = tensors | {STEP: tensors[STEP] + 1}
    assert not refused(work, params, start, first.state, 1)
    assert not refused(work, params, start, start, 0)
    for false in (write_tensors(wider), write_tensors(later)):
        assert len(work.digest(false)) == 64
        assert refused(work, params, start, false, 1, bench.inputs)
    assert refused(work, params, start, first.state, 0, bench.inputs)


def test_a_picture_has_the_tiles_of_its_own_job_whatever_its_digest() -> None:
    work = workload("render")
    small = {"width": 16, "height": 8, "tile_width": 8, "tile_height": 8, "samples": 2, "depth": 3, "threads": 1}
    params: Any = read_params("render", {"scene": DIGEST, "segment_tiles": 1, **small})
    start = picture.start_of(params)
    whole = picture.Checkpoint(start.job, start.tile_bytes, bytes(start.tile_bytes))
    # The same running digest, and no tile.
    less = picture.Checkpoint(whole.link, start.tile_bytes)
    assert less.link == whole.link
    assert not refused(work, params, start.encode(), whole.encode(), 1)
    for false in (less, start, picture.Checkpoint(start.job, start.tile_bytes // 2, whole.tiles)):
        assert refused(work, params, start.encode(), false.encode(), 1)


def test_a_commands_outputs_are_of_as_many_segments_of_its_own_job() -> None:
    work = workload("command")
    params: Any = read_params("command", {"command": ["sh"], "segments": 3})
    start = outputs.start_of(params)
    assert not refused(work, params, start.encode(), start.close((b"1",)).encode(), 1)
    for false in (start, start.close((b"1",)).close((b"2",)), outputs.Checkpoint(bytes(32), ((b"1",),))):
        assert refused(work, params, start.encode(), false.encode(), 1)
