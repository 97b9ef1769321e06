"""How far a claimed result may lie from the checker's: measured on honest work, with room above and below.

Each operator has its own limit, and the mean over all operators of a kind a tighter one, so that an error spread thinly
over a whole step does not stay below every single limit. Figures and settings: docs/adr/0010-trace-check.md.
"""

from dataclasses import dataclass
from typing import Final

from assay.workloads.trace.errors import UnknownOperator
from assay.workloads.trace.rules import Rule


@dataclass(frozen=True)
class Tolerance:
    """The largest residual of one operator, and of the mean over all of its kind."""

    each: float
    mean: float


RULES: Final = (Rule.PRODUCT, Rule.POINTWISE, Rule.ROWWISE, Rule.BLOCKWISE, Rule.WHOLE)
TOLERANCES: Final[dict[tuple[Rule, str], Tolerance]] = {
    **{(rule, "float32"): Tolerance(each=2e-5, mean=4e-6) for rule in RULES},
    **{(rule, "bfloat16"): Tolerance(each=8e-3, mean=5e-3) for rule in RULES},
    (Rule.POINTWISE, "float32"): Tolerance(each=4e-6, mean=1e-6),
    (Rule.BLOCKWISE, "bfloat16"): Tolerance(each=2e-2, mean=1e-2),
    (Rule.PRODUCT, "bfloat16"): Tolerance(each=8e-3, mean=3e-3),
}


def tolerance_of(rule: Rule, dtype: str) -> Tolerance:
    """Return the limits of a rule and type. Raises UnknownOperator for a type that nobody measured."""
    if (rule, dtype) not in TOLERANCES:
        raise UnknownOperator(f"No tolerance was measured for results of type {dtype}.")
    return TOLERANCES[rule, dtype]
