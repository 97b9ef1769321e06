"""What a device uses while it works: its memory by torch, its energy by NVIDIA's management library where that answers.

The library is called by its C names (NVML API reference), for it comes with the driver. A machine without it says less.
"""

import ctypes
from contextlib import suppress
from functools import cache
from typing import Any, Final

import torch

LIBRARY: Final = "libnvidia-ml.so.1"


class Meter:
    """What was used since it was made; on a processor nothing is known."""

    def __init__(self, device: torch.device) -> None:
        self.device = device if device.type == "cuda" else None
        self._handle = handle_of(device_name(device)) if self.device else None
        self._before_mj = energy_mj(self._handle)
        if self.device:
            torch.cuda.reset_peak_memory_stats(self.device)

    def read(self) -> dict[str, float]:
        """Return the most memory that was held, and the energy that the whole device took."""
        if self.device is None:
            return {}
        found = {"device_memory_bytes": float(torch.cuda.max_memory_reserved(self.device))}
        now_mj = energy_mj(self._handle)
        if now_mj is not None and self._before_mj is not None:
            found["device_energy_j"] = (now_mj - self._before_mj) / 1000
        return found


def device_name(device: torch.device) -> str:
    """Return the id by which the driver knows a device, whatever torch counts it as."""
    return f"GPU-{torch.cuda.get_device_properties(device).uuid}"


@cache
def library() -> Any:
    """Return the driver's library, ready to be asked; None where there is none."""
    with suppress(OSError, AttributeError):
        found = ctypes.CDLL(LIBRARY)
        return found if found.nvmlInit_v2() == 0 else None
    return None


def handle_of(name: str, nvml: Any = None) -> Any:
    """Return what the library knows a device by; None if it does not know it."""
    nvml = nvml or library()
    handle = ctypes.c_void_p()
    if nvml is None or nvml.nvmlDeviceGetHandleByUUID(name.encode(), ctypes.byref(handle)) != 0:
        return None
    return handle


def energy_mj(handle: Any, nvml: Any = None) -> int | None:
    """Return the energy that a device took since its driver was loaded, in millijoules; None if it does not count."""
    nvml, used_mj = nvml or library() if handle is not None else None, ctypes.c_ulonglong()
    if nvml is None or nvml.nvmlDeviceGetTotalEnergyConsumption(handle, ctypes.byref(used_mj)) != 0:
        return None
    return used_mj.value
