"""The determinism class of a machine: what decides the last bits of a computation, and nothing else.

Two machines of one class end the same segment in the same bits, so that equality can be asked for. What was not seen to
change bits (memory, disks, the name of the host) is left out; what may change them and cannot be told apart by its
result is in: another build of the same version is another class.
"""

import json
import os
import platform
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from pydantic import BaseModel, ConfigDict

from assay.proof.digest import blake3_hex

FLAGS: Final = (
    "ATEN_CPU_CAPABILITY",
    "CUBLAS_WORKSPACE_CONFIG",
    "DNNL_DEFAULT_FPMATH_MODE",
    "DNNL_MAX_CPU_ISA",
    "MKL_CBWR",
    "MKL_ENABLE_INSTRUCTIONS",
    "NVIDIA_TF32_OVERRIDE",
    "ONEDNN_DEFAULT_FPMATH_MODE",
    "ONEDNN_MAX_CPU_ISA",
)
CPU_INFO: Final = Path("/proc/cpuinfo")
CLASS: Final = b"assay.class.1"


class MachineClass(BaseModel):
    """What decides the bits that a machine computes. `software` is the digest of the image or the lock that it runs."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    device: str
    instructions: str
    torch: str
    build: str
    threads: int
    flags: tuple[tuple[str, str], ...] = ()
    software: str = ""

    @property
    def class_id(self) -> str:
        """The digest of all of it, 64 hex digits."""
        body = json.dumps(self.model_dump(mode="json"), sort_keys=True, separators=(",", ":"))
        return blake3_hex(CLASS + body.encode())


def read_class(threads: int, software: str = "", environment: Mapping[str, str] = os.environ) -> MachineClass:
    """Return the class of this machine for work on so many threads."""
    import torch

    return MachineClass(
        device=read_device(),
        instructions=torch.backends.cpu.get_cpu_capability(),
        torch=torch.__version__,
        build=blake3_hex(torch.__config__.show().encode()),
        threads=threads,
        flags=read_flags(environment),
        software=software,
    )


def read_flags(environment: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """Return the variables that steer kernels, as far as they are set, in the order of their names."""
    return tuple((name, environment[name]) for name in FLAGS if environment.get(name))


def read_device() -> str:
    """Return the model of the device that computes: the first GPU, else the processor."""
    import torch

    if torch.cuda.is_available():
        return torch.cuda.get_device_name(0)
    text = CPU_INFO.read_text(encoding="utf-8") if CPU_INFO.is_file() else ""
    return processor_model(text) or platform.processor() or platform.machine()


def processor_model(cpu_info: str) -> str:
    """Return the processor that a Linux kernel describes: vendor, family, model and stepping; empty if it does not."""
    first = cpu_info.partition("\n\n")[0]
    pairs = (line.partition(":") for line in first.splitlines())
    fields = {name.strip(): value.strip() for name, _, value in pairs}
    named = [fields.get(name, "") for name in ("vendor_id", "cpu family", "model", "stepping", "model name")]
    return " ".join(field for field in named if field)
