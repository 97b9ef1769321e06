"""The kinds of work known here: the built-in ones and those of installed plug-ins."""

from functools import cache
from importlib.metadata import entry_points
from typing import Any

from pydantic import ValidationError

from assay.workloads.errors import BadParams, UnknownKind
from assay.workloads.finetune import Finetune
from assay.workloads.generate.workload import Generate
from assay.workloads.noop import Noop
from assay.workloads.regress import Regress
from assay.workloads.workload import FrozenParams, Workload

ENTRY_POINTS = "assay.workloads"
WORKLOADS: tuple[Workload, ...] = (Noop(), Finetune(), Generate(), Regress())


@cache
def plugins() -> tuple[Workload, ...]:
    """Return the workloads that installed packages declare, each entry point naming a class without arguments."""
    return tuple(point.load()() for point in entry_points(group=ENTRY_POINTS))


def workload(kind: str) -> Workload:
    """Return the workload of this kind; a built-in one wins over a plug-in of its name. Raises UnknownKind."""
    known = {work.kind: work for work in (*plugins(), *WORKLOADS)}
    if kind not in known:
        raise UnknownKind(f"There is no workload '{kind}', only {', '.join(sorted(known))}.")
    return known[kind]


def read_params(kind: str, raw: dict[str, Any]) -> FrozenParams:
    """Return a job's parameters, checked for its kind. Raises UnknownKind, BadParams."""
    try:
        return workload(kind).Params.model_validate(raw)
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors())
        raise BadParams(f"The parameters of this {kind} job do not fit: {faults}.") from error
