"""What becomes of a Pod, read from its status, in the words that the worker has for a child's end."""

from dataclasses import dataclass
from typing import Any, Final

from assay.workloads.pods.errors import no_pod
from assay.workloads.sandbox.errors import breach
from assay.workloads.task import Failed

IN_VAIN: Final = frozenset(
    {
        *("ImagePullBackOff", "ErrImageNeverPull", "InvalidImageName", "ImageInspectError", "RegistryUnavailable"),
        *("CreateContainerConfigError", "CreateContainerError", "RunContainerError"),
    }
)
"""What a container waits for that does not come by waiting."""


@dataclass(frozen=True)
class Seen:
    """A Pod as it is: its address once its step runs, its end once it has one, and what it waits for until then."""

    address: str | None = None
    ended: Failed | None = None
    waits: str = ""


def read(pod: dict[str, Any]) -> Seen:
    """Return what a Pod's status says."""
    status = pod.get("status") or {}
    container: dict[str, Any] = next(iter(status.get("containerStatuses") or []), {})
    state = container.get("state") or {}
    if status.get("phase") in ("Failed", "Succeeded") or "terminated" in state:
        return Seen(ended=end_of(status, state.get("terminated") or {}))
    if (pod.get("metadata") or {}).get("deletionTimestamp"):
        return Seen(ended=died("it was deleted"))
    waits = state.get("waiting") or {}
    if waits.get("reason") in IN_VAIN:
        return Seen(ended=no_pod(f"A Pod waits in vain, {told(waits)}."))
    return Seen(status.get("podIP") if "running" in state else None, None, told(waits) or scheduling(status))


def end_of(status: dict[str, Any], terminated: dict[str, Any]) -> Failed:
    """Return whose fault the end of a Pod is that had not answered."""
    reasons = {str(status.get("reason")), str(terminated.get("reason"))}
    message = str(status.get("message") or terminated.get("message") or "")
    if "OOMKilled" in reasons:
        return breach("sandbox.memory", "Its Pod was ended for more memory than it asked for.")
    if "DeadlineExceeded" in reasons:
        return breach("sandbox.time", "Its Pod did not answer in time.")
    if "Evicted" in reasons and is_own_doing(message):
        return breach("sandbox.disk", f"Its Pod was evicted: {message}")
    said = " ".join(filter(None, (status.get("reason"), terminated.get("reason"), message)))
    return died(f"{said or 'it says nothing'} ({terminated.get('exitCode', 'no exit code')})")


def is_own_doing(message: str) -> bool:
    """Whether a Pod was evicted for its own limit, and not because its node was short of something."""
    words = message.lower()
    return "exceed" in words and ("ephemeral" in words or "emptydir" in words)


def died(detail: str) -> Failed:
    """Return what the runner is told of a Pod that has gone without an answer."""
    return Failed(code="workload.died", detail=f"Its Pod has ended: {detail[:250]}.", fault=True)


def scheduling(status: dict[str, Any]) -> str:
    """Return why no node has it yet."""
    conditions = status.get("conditions") or []
    found = (each for each in conditions if each.get("type") == "PodScheduled" and each.get("status") == "False")
    return told(next(found, {}))


def told(said: dict[str, Any]) -> str:
    """Return reason and message of a part of a status, as one line."""
    return ": ".join(str(said[key])[:200] for key in ("reason", "message") if said.get(key))
