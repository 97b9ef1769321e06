"""The determinism class: what decides the bits that a machine computes, and so who may be held to equality with whom.

Two machines of one class give equal bits for equal work. The number of threads decides bits too, but it is the job's;
a class that names it (not 0) stands for work on so many threads alone. Nothing here loads torch: what it will choose
follows from its shared libraries, from the processor, and from the variables that steer its kernels.
"""

import json
import os
import platform
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Final

from pydantic import BaseModel, ConfigDict

from assay.proof.digest import blake3_hex
from assay.workloads.errors import WorkloadError

FLAGS: Final = (
    "ATEN_CPU_CAPABILITY",
    "CUBLAS_WORKSPACE_CONFIG",
    "CUDA_DEVICE_ORDER",
    "CUDA_VISIBLE_DEVICES",
    "DNNL_DEFAULT_FPMATH_MODE",
    "DNNL_MAX_CPU_ISA",
    "MKL_CBWR",
    "MKL_ENABLE_INSTRUCTIONS",
    "NVIDIA_TF32_OVERRIDE",
    "ONEDNN_DEFAULT_FPMATH_MODE",
    "ONEDNN_MAX_CPU_ISA",
    "OPENBLAS_CORETYPE",
)
CPU_INFO: Final = Path("/proc/cpuinfo")
GPU_NODES: Final = (Path("/dev/nvidiactl"), Path("/dev/kfd"))
GPU_INFO: Final = Path("/proc/driver/nvidia/gpus")
PACKAGES: Final = ("assay", "numpy", "peft", "safetensors", "transformers")
VECTOR: Final = re.compile(r"^(sse|ssse|avx|fma|f16c|amx|asimd|sve|sme(\d|$)|bf16|i8mm|fphp)")
LIBRARY: Final = re.compile(r"\.(so(\.\d+)*|dylib|dll)$")
WORD: Final = re.compile(r"^[\w.-]+")
GPU_NAME_MAX: Final = 64
CLASS: Final = b"assay.class.1"


class UnknownMachine(WorkloadError):
    """Something computes here whose model cannot be read, so that its class is not known."""

    code = "machine.unknown"
    advice = "Let the worker see /proc/driver/nvidia, or hide the device from it; until then it states no class."


class MachineClass(BaseModel):
    """What decides the bits that a machine computes. `software` is the digest of the image or the lock that it runs."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    device: str
    instructions: str
    torch: str
    build: str
    threads: int = 0
    flags: tuple[tuple[str, str], ...] = ()
    software: str = ""

    @property
    def class_id(self) -> str:
        """The digest of all of it, 64 hex digits."""
        body = json.dumps(self.model_dump(mode="json"), sort_keys=True, separators=(",", ":"))
        return blake3_hex(CLASS + body.encode())


def read_class(threads: int = 0, software: str = "", environment: Mapping[str, str] = os.environ) -> MachineClass:
    """Return the class of this machine; without `software` the versions of the packages stand for it.

    Raises UnknownMachine.
    """
    torch, build = read_build()
    return MachineClass(
        device=read_device(torch),
        instructions=vector_instructions(read_cpu_info()),
        torch=torch,
        build=build,
        threads=threads,
        flags=read_flags(environment),
        software=software or read_software(),
    )


def own_class_id() -> str | None:
    """Return the id of this machine's class, None if it cannot be told."""
    try:
        return read_class().class_id
    except UnknownMachine:
        return None


def read_flags(environment: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """Return the variables that steer kernels, as far as they are set, in the order of their names."""
    return tuple((name, environment[name]) for name in FLAGS if environment.get(name))


@cache
def read_build() -> tuple[str, str]:
    """Return torch's version, and the digest of the shared libraries that hold its kernels; empty without torch."""
    try:
        torch = metadata.distribution("torch")
    except metadata.PackageNotFoundError:
        return "", ""
    record = torch.read_text("RECORD") or ""
    return torch.version, blake3_hex("\n".join(libraries_of(record.splitlines())).encode())


def libraries_of(record: Iterable[str]) -> list[str]:
    """Return the lines of an installation's record that name a shared library with its digest and size, in order."""
    return sorted(line for line in record if LIBRARY.search(line.partition(",")[0]))


@cache
def read_software() -> str:
    """Return the digest of the versions of all packages that shape the computation."""
    return blake3_hex("\n".join(sorted(versions())).encode())


def versions() -> Iterator[str]:
    """Yield name and version of the packages that shape the computation, and of the vendor's kernels."""
    kernels = (WORD.match(each) for each in metadata.requires("torch") or ()) if read_build()[0] else ()
    names = {word.group() for word in kernels if word and word.group().startswith("nvidia")}
    for name in (*PACKAGES, *sorted(names)):
        with suppress(metadata.PackageNotFoundError):
            yield f"{name}=={metadata.version(name)}"


def read_device(torch: str) -> str:
    """Return the model of what computes: the GPUs if this build of torch can use them, else the processor.

    Raises UnknownMachine.
    """
    if has_gpu(torch):
        models = {gpu_model(file.read_text(encoding="utf-8")) for file in GPU_INFO.glob("*/information")}
        if not models or "" in models:
            raise UnknownMachine("There is a GPU whose model the driver does not say.")
        return " + ".join(sorted(models))
    return processor_model(read_cpu_info()) or platform.processor() or platform.machine()


def has_gpu(torch: str) -> bool:
    """Whether there is a GPU, and this build of torch can use it."""
    return bool(torch) and not torch.endswith("+cpu") and any(node.exists() for node in GPU_NODES)


def read_gpus(environment: Mapping[str, str] = os.environ) -> tuple[str, ...]:
    """Return the GPUs and slices of GPUs that work here may have, as CUDA is told of each; empty without.

    Those that CUDA_VISIBLE_DEVICES names (numbers, or ids as of a MIG slice), else all cards of the driver.
    """
    if not has_gpu(read_build()[0]):
        return ()
    named = environment.get("CUDA_VISIBLE_DEVICES")
    cards = map(str, range(len(list(GPU_INFO.glob("*/information")))))
    return tuple(name.strip() for name in named.split(",") if name.strip()) if named is not None else tuple(cards)


def gpu_name() -> str | None:
    """Return the model of the GPUs as an offer shows it; None where the driver does not say."""
    try:
        return read_device(read_build()[0])[:GPU_NAME_MAX]
    except UnknownMachine:
        return None


def gpu_model(information: str) -> str:
    """Return the model that NVIDIA's driver names in a card's description; empty if it does not."""
    return fields_of(information).get("Model", "")


@cache
def read_cpu_info() -> str:
    """Return the kernel's description of the first processor; empty where there is none."""
    text = CPU_INFO.read_text(encoding="utf-8") if CPU_INFO.is_file() else ""
    return text.partition("\n\n")[0]


def processor_model(cpu_info: str) -> str:
    """Return the processor that a Linux kernel describes: vendor, family, model and stepping; empty if it does not."""
    fields = fields_of(cpu_info.partition("\n\n")[0])
    named = [fields.get(name, "") for name in ("vendor_id", "cpu family", "model", "stepping", "model name")]
    return " ".join(field for field in named if field)


def vector_instructions(cpu_info: str) -> str:
    """Return the instructions by which kernels are chosen, as the kernel names them, in order."""
    fields = fields_of(cpu_info)
    known = (fields.get("flags") or fields.get("Features") or "").split()
    return " ".join(sorted({name for name in known if VECTOR.search(name)}))


def fields_of(text: str) -> dict[str, str]:
    """Return the `name : value` lines of a description."""
    pairs = (line.partition(":") for line in text.splitlines())
    return {name.strip(): value.strip() for name, _, value in pairs}
