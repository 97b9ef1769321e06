"""Error feedback (Seide et al. 2014): what a code leaves out of one round is added to what the next one sends."""

import numpy as np

from assay.workloads.diloco.codes import Floats
from assay.workloads.diloco.packing import pack, unpack


def press_with(values: Floats, carried: Floats | None, code: str, keep: int) -> tuple[bytes, Floats]:
    """Return the packed values together with what was carried, and what is carried on."""
    whole = values if carried is None else (values + carried).astype(np.float32)
    packed = pack(whole, code, keep)
    return packed, whole - unpack(packed, len(whole))
