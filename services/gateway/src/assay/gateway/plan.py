"""How a kind of work cuts a job; no torch is loaded for it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from assay.schema.errors import Refused
from assay.workloads import BadParams, UnknownKind, read_params, workload


@dataclass(frozen=True, slots=True)
class Plan:
    """What follows from a kind and its parameters."""

    segments: int
    segment_units: int
    inputs: tuple[str, ...]
    requirements: Mapping[str, int]


def plan_of(kind: str, params: Mapping[str, Any]) -> Plan:
    """The plan of such a job. Raises Refused: job.unknown_kind, job.bad_params."""
    try:
        work, read = workload(kind), read_params(kind, dict(params))
    except UnknownKind as error:
        raise Refused("job.unknown_kind", error.detail) from None
    except BadParams as error:
        raise Refused("job.bad_params", error.detail) from None
    units = work.plan(read)
    if not units or len(set(units)) != 1:
        raise Refused("job.bad_params", "The segments are not of equal cost.")
    return Plan(len(units), units[0], tuple(work.inputs(read)), work.requirements(read))
