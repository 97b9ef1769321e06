"""Operators whose result is the same bits on every IEEE-754 machine, whatever its threads, kernels or devices.

`exact(model)` runs a model with them without rewriting it; `AdamW`, `clip_gradients`, the schedules and `initialise`
are the rest of a training run; `trace` tells the primitives that a step was made of.

Beside float64, as relative l2 error of values and of gradients, the tests hold:

| operator | at most |
|---|---|
| linear, matmul | 2e-6 (rows are 21-bit integers) |
| attention | 4e-6 |
| softmax, RMSNorm, LayerNorm, cross-entropy | 5e-7 |
| SiLU, GELU, GELU with tanh | 3e-7 |
| embedding | 1e-6 |
| exp, log, sigmoid | 2 units of the last place, each; tanh 2^-22 absolute |
| sqrt, rotary tables | rounded once |

The code is the same on every device; it has run on CPUs alone. Subnormal numbers are kept: `exact` turns flushing off
and checks that the machine obeys.
"""

from assay.workloads.numerics.generator import Generator
from assay.workloads.numerics.initialise import initialise
from assay.workloads.numerics.mode import exact
from assay.workloads.numerics.optimiser import AdamW, adamw_factors, adamw_step, clip_gradients
from assay.workloads.numerics.refusal import NotExact
from assay.workloads.numerics.tracing import Op, Trace, trace

__all__ = [
    "AdamW",
    "Generator",
    "NotExact",
    "Op",
    "Trace",
    "adamw_factors",
    "adamw_step",
    "clip_gradients",
    "exact",
    "initialise",
    "trace",
]
