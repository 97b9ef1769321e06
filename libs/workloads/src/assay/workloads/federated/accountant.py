"""How much privacy is spent: Opacus's accountant of the Gaussian mechanism on drawn samples (Mironov et al. 2019).

Rényi differential privacy at many orders adds up over steps, turns and federations, and is converted to (ε, δ) at the
end. Only the one file of Opacus that counts is loaded: the package itself loads torch, of which counting needs nothing.
"""

from collections import Counter
from collections.abc import Iterable
from functools import cache
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any, Final, NamedTuple
from warnings import catch_warnings, simplefilter

from assay.workloads.errors import ModelUnavailable

COUNTER: Final = "accountants/analysis/rdp.py"
ORDERS: Final = (1.5, *range(2, 64), 80, 96, 128, 192, 256, 512)


class Spent(NamedTuple):
    """A Gaussian mechanism that was used: the share of units drawn in a step, the noise in sensitivities, steps."""

    rate: float
    noise: float
    steps: int


@cache
def counter() -> Any:
    """Return Opacus's functions. Raises ModelUnavailable where Opacus is not installed."""
    package = find_spec("opacus")
    if package is None or package.origin is None:
        raise ModelUnavailable(
            "Opacus is not installed, and nobody else counts privacy here: install assay[federated]."
        )
    spec = spec_from_file_location("opacus_rdp", Path(package.origin).parent / COUNTER)
    assert spec is not None and spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@cache
def of_step(rate: float, noise: float) -> Any:
    """Return what one step spends at each order."""
    return counter().compute_rdp(q=rate, noise_multiplier=noise, steps=1, orders=ORDERS)


def epsilon_of(spent: Iterable[Spent], delta: float) -> float:
    """Return the ε at this δ that all of it comes to; 0 for nothing."""
    steps = Counter[tuple[float, float]]()
    for each in spent:
        steps[each.rate, each.noise] += each.steps
    if not steps:
        return 0.0
    total = sum(count * of_step(rate, noise) for (rate, noise), count in steps.items())
    with catch_warnings():
        # It would say that orders nearer 1 might show that less was spent: an upper bound it is all the same.
        simplefilter("ignore")
        epsilon, _ = counter().get_privacy_spent(orders=ORDERS, rdp=total, delta=delta)
    return max(0.0, float(epsilon))
