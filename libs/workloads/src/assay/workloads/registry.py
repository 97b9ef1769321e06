"""The kinds of work known here: the built-in ones and those of installed plug-ins."""

from collections.abc import Iterable
from functools import cache
from importlib.metadata import entry_points
from importlib.util import find_spec
from typing import Any, Final

from pydantic import ValidationError

from assay.workloads.command.workload import Command
from assay.workloads.contest.workload import Contest
from assay.workloads.diloco.workload import Member, OuterStep
from assay.workloads.errors import BadParams, UnknownKind, WorkloadError
from assay.workloads.federated.workload import Federated, FederatedStep
from assay.workloads.finetune import Finetune
from assay.workloads.generate.workload import Generate
from assay.workloads.noop import Noop
from assay.workloads.regress import Regress
from assay.workloads.render.workload import Render
from assay.workloads.sandbox import box
from assay.workloads.sandbox.policy import Policy
from assay.workloads.serve import Serve
from assay.workloads.workload import Boxed, FrozenParams, Private, Workload

ENTRY_POINTS = "assay.workloads"
WORKLOADS: tuple[Workload, ...] = (
    *(Noop(), Finetune(), Generate(), Serve(), Regress(), Contest()),
    *(Member(), OuterStep(), Render(), Command(), Federated(), FederatedStep()),
)
BOX_BYTES_MIN: Final = 1 << 20
EVERYWHERE: Final = (
    *("noop", "finetune", "generate", "serve", "diloco", "diloco-outer", "contest"),
    *("federated", "federated-step"),
)
"""What is offered and checked where nobody names kinds: it asks nothing of a machine but this package."""


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


def offerable() -> tuple[str, ...]:
    """Return the kinds that a machine like this one can offer, as far as can be asked without running any."""
    pictures = (Render.kind,) if find_spec("mitsuba") else ()
    commands = (Command.kind,) if box.can_be() else ()
    return (*EVERYWHERE, *pictures, *commands)


def needs_box(kinds: Iterable[str]) -> bool:
    """Whether work of one of these kinds executes programs."""
    return any(isinstance(workload(kind), Boxed) for kind in kinds)


def fitted(policy: Policy, kind: str, raw: dict[str, Any]) -> Policy:
    """Return the policy of a child for a job of this kind: with a box, and no more memory than it asks for, if need be.

    Private data are seen by work on them alone. What is wrong with the job is for the child to say.
    """
    try:
        work, params = workload(kind), read_params(kind, raw)
    except WorkloadError:
        return policy.public
    if isinstance(work, Private):
        return policy
    if not isinstance(work, Boxed):
        return policy.public
    # Files lie in memory, too, and both together are what it asks for and what the lease has. Of a job that asks for
    # more than it was matched by, the files come short.
    asked = work.requirements(params)["memory_bytes"]
    memory_bytes = min(policy.memory_bytes, asked)
    box_bytes = max(BOX_BYTES_MIN, work.box_bytes(params) - (asked - memory_bytes))
    own = {"box_bytes": box_bytes, "memory_bytes": max(BOX_BYTES_MIN, memory_bytes - box_bytes)}
    return policy.public.model_copy(update=own | {"egress": work.egress(params) if policy.may_reach else ()})


def read_params(kind: str, raw: dict[str, Any]) -> FrozenParams:
    """Return a job's parameters, checked for its kind. Raises UnknownKind, BadParams."""
    try:
        return workload(kind).Params.model_validate(raw)
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors())
        raise BadParams(f"The parameters of this {kind} job do not fit: {faults}.") from error
