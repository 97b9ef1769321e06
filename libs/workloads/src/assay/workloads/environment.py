"""The environment of a child process: what its parent's holds may be secret, so little of it is passed on. Pure."""

import re
from collections.abc import Mapping
from typing import Final

from assay.workloads.machine import FLAGS
from assay.workloads.sandbox import Policy

INHERITED: Final = re.compile(
    rf"^(PATH|LANG|LC_.*|TZ|PYTHON.*|LD_LIBRARY_PATH|VIRTUAL_ENV|COVERAGE_.*|{'|'.join(FLAGS)}"
    r"|(OMP|MKL|KMP|GOMP|OPENBLAS|TORCH|PYTORCH|CUDA|NVIDIA|NCCL|HIP|ROCR|HSA)_.*)$"
)
"""What a child is told of its parent's environment; everything else may be a secret."""

ON_DEVICE: Final = {"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "PYTORCH_ALLOC_CONF": "expandable_segments:True"}
"""How a child works on a GPU: numbers are the driver's, and memory grows in place, so that none is lost in pieces."""


def child_environment(environment: Mapping[str, str], policy: Policy | None = None) -> dict[str, str]:
    """What of the parent's environment is no secret, with the hub switched off and a home in the scratch."""
    kept = {name: value for name, value in environment.items() if INHERITED.match(name)}
    own = {name: str(policy.temporary) for name in ("HOME", "TMPDIR")} | {"USER": "job"} if policy else {}
    if policy and policy.device:
        own |= {"CUDA_VISIBLE_DEVICES": policy.device, **ON_DEVICE}
    return kept | own | {"HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false", "PYTHONUNBUFFERED": "1"}
