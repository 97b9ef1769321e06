"""What a child may do, said by the parent; and what the child says of how it is held."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from assay.workloads.machine import GPU_NODES

GIB: Final = 2**30
Level = Literal["full", "limits"]
"""What must hold a child: all of NEEDED, or no more than limits on what it uses. What else the kernel has holds too."""
NEEDED: Final[dict[Level, frozenset[str]]] = {
    "full": frozenset({"no_new_privs", "limits", "landlock", "seccomp"}),
    "limits": frozenset({"no_new_privs", "limits"}),
}
SYSTEM: Final = (
    *("/usr", "/lib", "/lib64", "/etc/ld.so.cache", "/etc/localtime", "/etc/nsswitch.conf", "/etc/passwd"),
    *("/dev/urandom", "/dev/random", "/dev/zero"),
    *("/proc/self", "/proc/cpuinfo", "/proc/meminfo", "/proc/stat", "/proc/filesystems", "/proc/sys/vm"),
    *("/sys/devices/system/cpu", "/sys/devices/system/node"),
)
"""What torch and Python read of a machine; none of it is the provider's own."""
NULL: Final = "/dev/null"
HOST: Final = ("/usr", "/bin", "/sbin", "/lib", "/lib64", "/etc/ld.so.cache", "/etc/alternatives")
"""What of a machine a program sees that a job executes without a root of its own; beside them the interpreter."""
TRUSTED: Final = ("/etc/ssl/certs", "/etc/pki/tls/certs", "/etc/pki/ca-trust/extracted", "/etc/ca-certificates")
"""What it sees besides where it reaches hosts: whose certificates they may show."""
DEVICES: Final = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom")
BOXED: Final = frozenset({"namespaces", "landlock", "seccomp", "capabilities"})
"""What holds a child that executes programs, at either level: where one is missing, it executes nothing."""
GPU: Final = ("/proc/driver/nvidia", "/sys")
GPU_DEVICES: Final = ("nvidia*", "nvidia-caps/*", "kfd", "dri/*")


class Policy(BaseModel):
    """What a child may read (`models`, `inputs`, and what runs it), write (`scratch`) and use.

    Beneath `private` lie data sets that stay: they are read, and their ledgers written, by who works on them alone.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    level: Level = "full"
    scratch: Path
    models: Path
    inputs: Path | None = None
    private: Path | None = None
    memory_bytes: Annotated[int, Field(ge=0)] = 4 * GIB
    disk_bytes: Annotated[int, Field(ge=1)] = 64 * GIB
    threads: Annotated[int, Field(ge=1)] = 1024
    open_files: Annotated[int, Field(ge=16)] = 1024
    wall_s: Annotated[float, Field(gt=0)] = 86_400
    box_bytes: Annotated[int, Field(ge=0)] = 0
    """Of a file system in memory, in which programs are executed; with none nothing is executed."""
    may_reach: bool = False
    """Whether programs reach the hosts that their job names."""
    egress: tuple[str, ...] = ()
    """Those hosts, in a box; a proxy outside of it leads there and nowhere else."""
    in_pod: bool = False
    """Whether a Pod's own kernel holds it: a box there is read-only by its mounts, with landlock or without."""
    gpu: bool = Field(default_factory=lambda: any(node.exists() for node in GPU_NODES))
    """Whether the machine's GPUs are within reach."""
    device: Annotated[str, Field(pattern=r"^[\w./-]{1,80}$")] | None = None
    """The one of them that CUDA sees; without it, all."""

    @property
    def temporary(self) -> Path:
        """The folder of the scratch that is of no lease, emptied at each start of the child."""
        return self.scratch / "tmp"

    @property
    def box(self) -> Path:
        """Where the file system of a child that executes programs lies; nobody else sees what is in it."""
        return self.temporary / "box"

    @property
    def public(self) -> "Policy":
        """The same without private data."""
        return self.model_copy(update={"private": None}) if self.private else self

    @property
    def ledgers(self) -> list[Path]:
        """The folders of private data sets that are written to."""
        return sorted(self.private.glob("*/ledger")) if self.private else []

    @property
    def host_root(self) -> Path:
        """The root that shows this machine's programs."""
        return self.box / "host"

    @property
    def image_root(self) -> Path:
        """The root for a job's own files."""
        return self.box / "image"

    def readable(self) -> Iterator[Path]:
        """Yield what is read: the job's, the interpreter's, the system's.

        A folder of the interpreter's path that holds the scratch is left out: the worker's own files lie around it.
        """
        own = [self.models, self.scratch, *(each for each in (self.inputs, self.private) if each)]
        python = [Path(part) for part in (sys.prefix, sys.base_prefix, *sys.path) if part]
        system = [Path(part) for part in (*SYSTEM, *(GPU if self.gpu else ()))]
        yield from own
        yield from (path for path in python if not self.scratch.resolve().is_relative_to(path.resolve()))
        yield from system

    def devices(self) -> Iterator[Path]:
        """Yield the device nodes that are written to."""
        yield Path(NULL)
        if self.gpu:
            for pattern in GPU_DEVICES:
                yield from Path("/dev").glob(pattern)


class Confined(BaseModel):
    """Child to runner, before any task: the layers that hold it, those this machine lacks, and how long it took."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    said: Literal["confined"] = "confined"
    level: Level
    boxed: bool = False
    layers: tuple[str, ...]
    lacking: tuple[str, ...] = ()
    took_ms: float = 0

    @property
    def is_enough(self) -> bool:
        """Whether these layers are what the level names."""
        return NEEDED[self.level] | (BOXED if self.boxed else frozenset()) <= set(self.layers)

    def __str__(self) -> str:
        lacking = f"; not here: {', '.join(self.lacking)}" if self.lacking else ""
        return f"{self.level}: {', '.join(self.layers)}{lacking}"
