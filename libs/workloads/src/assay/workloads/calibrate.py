"""How far apart honest machines end: the same segments, really run under several settings, and their distances.

Each setting is a process of its own, for instruction sets are chosen when torch is loaded. The first setting runs the
chain; every other one runs each segment from the first one's checkpoint before it, as an auditor would. Threads are the
job's and no part of a class, so a pair is measured with several numbers of them and all its distances count.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel, ConfigDict

from assay.workloads.errors import WorkloadError
from assay.workloads.machine import MachineClass, read_class
from assay.workloads.models import ModelStore
from assay.workloads.registry import read_params, workload
from assay.workloads.workload import HeldInputs, ignore_progress

SETTING_S = 600.0
SETTINGS: Final[tuple[Mapping[str, str], ...]] = (
    {},
    {"ATEN_CPU_CAPABILITY": "avx2", "ONEDNN_MAX_CPU_ISA": "AVX2"},
    {"ATEN_CPU_CAPABILITY": "default", "ONEDNN_MAX_CPU_ISA": "SSE41", "MKL_CBWR": "COMPATIBLE"},
)
"""What one machine can stand for: itself, one without the widest vectors, and one with none that torch knows."""


class NotMeasured(WorkloadError):
    """A setting's process failed, so nothing is known about it."""

    code = "calibration.not_measured"
    advice = "Run the job under this setting by itself, mend the cause and measure again."


class Work(BaseModel):
    """What each setting runs: segments 0 to `segments` of a job; `inputs` maps each digest to a file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: str
    params: dict[str, Any]
    inputs: dict[str, str]
    models: str
    segments: int
    software: str = ""


@dataclass(frozen=True)
class Measured:
    """The distances of honest segments between two classes."""

    one: MachineClass
    other: MachineClass
    distances: tuple[float, ...]


def calibrate(work: Work, settings: Iterable[Mapping[str, str]], folder: Path) -> list[Measured]:
    """Return what lies between each two settings; a setting is environment variables. Raises NotMeasured."""
    origin = folder / "0"
    runs = [
        run_setting(work, setting, folder / str(number), origin if number else None)
        for number, setting in enumerate(settings)
    ]
    return [
        Measured(one, other, tuple(distances_between(work, mine, theirs, origin)))
        for (one, mine), (other, theirs) in combinations(runs, 2)
    ]


def calibrate_threads(
    work: Work, settings: Sequence[Mapping[str, str]], threads: Iterable[int], folder: Path
) -> list[Measured]:
    """Return what lies between each two classes, over all these numbers of threads if the kind has threads.

    Raises NotMeasured.
    """
    found: dict[tuple[str, str], Measured] = {}
    has_threads = "threads" in workload(work.kind).Params.model_fields
    for count in threads if has_threads else (1,):
        counted = work.model_copy(update={"params": work.params | {"threads": count}}) if has_threads else work
        for each in calibrate(counted, settings, folder / f"threads-{count}"):
            pair = each.one.class_id, each.other.class_id
            earlier = found[pair].distances if pair in found else ()
            found[pair] = replace(each, distances=(*earlier, *each.distances))
    return list(found.values())


def run_setting(
    work: Work, setting: Mapping[str, str], folder: Path, reference: Path | None
) -> tuple[MachineClass, list[bytes]]:
    """Return the class and the checkpoints of one setting, each after its segment. Raises NotMeasured."""
    folder.mkdir(parents=True)
    task = {"work": work.model_dump(mode="json"), "folder": str(folder), "reference": str(reference or folder)}
    done = subprocess.run(
        [sys.executable, "-m", "assay.workloads.calibrate"],
        input=json.dumps(task).encode(),
        env={**os.environ, "HF_HUB_OFFLINE": "1", **setting},
        stdout=subprocess.PIPE,
        timeout=SETTING_S,
        check=False,
    )
    if done.returncode:
        raise NotMeasured(f"The setting {dict(setting)} ended with {done.returncode}.")
    states = [(folder / f"{index}.after").read_bytes() for index in range(work.segments)]
    return MachineClass.model_validate_json(done.stdout), states


def distances_between(work: Work, mine: list[bytes], theirs: list[bytes], folder: Path) -> Iterable[float]:
    """Yield the distance of each segment, in units of its own update."""
    kind = workload(work.kind)
    for index, (one, other) in enumerate(zip(mine, theirs, strict=True)):
        yield kind.distance(one, other, (folder / f"{index}.before").read_bytes())


def run_segments(work: Work, folder: Path, reference: Path) -> MachineClass:
    """Run the segments in this process, from the reference's checkpoints or, for the reference, from its own."""
    inputs = HeldInputs(
        ModelStore(Path(work.models)), {name: Path(file).read_bytes() for name, file in work.inputs.items()}
    )
    kind, params = workload(work.kind), read_params(work.kind, work.params)
    if folder == reference:
        (folder / "0.before").write_bytes(kind.start(params, inputs))
    for index in range(work.segments):
        done = kind.run(params, inputs, (reference / f"{index}.before").read_bytes(), index, ignore_progress)
        (folder / f"{index}.after").write_bytes(done.state)
        if folder == reference:
            (folder / f"{index + 1}.before").write_bytes(done.state)
    return read_class(software=work.software)


def main() -> None:
    """Run one setting, as told on the standard input; its class is the only line on the standard output."""
    task = json.loads(sys.stdin.read())
    output, sys.stdout = sys.stdout, sys.stderr
    found = run_segments(Work.model_validate(task["work"]), Path(task["folder"]), Path(task["reference"]))
    output.write(found.model_dump_json())


if __name__ == "__main__":
    main()
