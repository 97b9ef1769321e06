"""Where each child of a worker reads and writes: a room of its own, in which no other lease's files lie; or a Pod."""

import json
import shutil
from pathlib import Path
from typing import Final

from assay.execution.confinement import RECORD
from assay.execution.settings import Settings
from assay.proof.digest import blake3_hex
from assay.schema.errors import BadSettings
from assay.workloads.machine import read_gpus
from assay.workloads.pods.manifest import Site
from assay.workloads.sandbox import Confined, Policy

ROOMS: Final = "scratch"
ARRIVING: Final = "arriving"
MEMORY: Final = frozenset({"tmpfs", "ramfs"})
MOUNTS: Final = Path("/proc/self/mounts")


def rooms_of(settings: Settings) -> Path:
    """The folder of this worker's rooms; where it was told to have them, others may have theirs."""
    own = settings.data_dir.resolve()
    if settings.rooms_dir is None:
        return own / ROOMS
    return settings.rooms_dir.resolve() / f"assay-{blake3_hex(str(own).encode())[:16]}"


def room_of(settings: Settings, name: str, device: str | None = None) -> Policy:
    """The policy of a child: inputs are laid into one folder, which it may only read, and it writes into another.

    It sees one GPU, if one is named.
    """
    folder = rooms_of(settings) / name
    return Policy(
        level=settings.sandbox,
        scratch=folder / "out",
        inputs=folder / "in",
        models=settings.models_dir.resolve(),
        private=settings.private_dir.resolve() if settings.private_dir else None,
        memory_bytes=settings.memory_bytes,
        disk_bytes=settings.disk_bytes,
        may_reach=settings.egress,
        device=device,
    )


def site_of(settings: Settings, worker: str) -> Site | None:
    """Where a cluster runs this worker's commands; none if they run on this machine."""
    if settings.pod_class is None or settings.pod_image is None:
        return None
    return Site(
        runtime_class=settings.pod_class,
        image=settings.pod_image,
        namespace=settings.pod_namespace,
        worker=worker,
        api=settings.pod_api,
        account=settings.pod_account_dir,
    )


def open_rooms(settings: Settings) -> list[Policy]:
    """The rooms of all children, empty: what a crash has left is of no use to anybody. Raises BadSettings."""
    shutil.rmtree(rooms_of(settings), ignore_errors=True)
    devices = devices_for(settings.processes, read_gpus())
    rooms = [room_of(settings, f"child-{number}", device) for number, device in enumerate(devices)]
    for room in rooms:
        prepare(room)
    return rooms


def devices_for(processes: int, gpus: tuple[str, ...]) -> list[str | None]:
    """The GPU of each child, none twice; none at all where there is no GPU. Raises BadSettings if they are too few."""
    if not gpus:
        return [None] * processes
    if processes > len(gpus):
        raise BadSettings(f"ASSAY_EXECUTION_PROCESSES: {processes} leases at a time would share {len(gpus)} GPUs.")
    return list(gpus[:processes])


def prepare(room: Policy) -> None:
    """Make the folders of a room: what is not there when a child starts, it will never see."""
    for folder in (room.scratch, room.inputs):
        if folder:
            folder.mkdir(parents=True, exist_ok=True)


def note(settings: Settings, held: Confined) -> None:
    """Write down what holds the children, and whether their rooms are in memory, for `assay provider status`."""
    where = {"in_memory": is_in_memory(rooms_of(settings), MOUNTS.read_text())}
    (settings.data_dir / RECORD).write_text(json.dumps(held.model_dump(mode="json", exclude={"said"}) | where))


def is_in_memory(folder: Path, mounts: str) -> bool:
    """Whether a folder lies in memory, by the lines of the mounts; what the system swaps out is on a disk again."""
    resolved, deepest, found = folder.resolve(), 0, ""
    for line in mounts.splitlines():
        _, place, kind, *_ = line.split(" ")
        if resolved.is_relative_to(place) and len(place) >= deepest:
            deepest, found = len(place), kind
    return found in MEMORY
