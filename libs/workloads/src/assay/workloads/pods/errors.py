"""What a cluster says no to."""

from assay.workloads.sandbox.errors import SandboxUnavailable
from assay.workloads.task import Failed


class NoPod(SandboxUnavailable):
    """The cluster runs no command as it was asked to; it is not run in any other way."""

    code = "sandbox.no_pod"
    advice = (
        "Let the cluster have the RuntimeClass, the image and the rights of k8s/components/commands, "
        "and nodes with room; then start the worker again."
    )


class PodEnded(Exception):
    """A Pod came to an end before it had answered, or never began; `failed` says it, and whose fault it is."""

    def __init__(self, failed: Failed) -> None:
        super().__init__(failed.detail)
        self.failed = failed


def no_pod(detail: str) -> Failed:
    """Return what the runner is told of a Pod that the cluster does not run: another machine may."""
    return Failed(code=NoPod.code, detail=f"{detail[:300]} {NoPod.advice}", fault=True)
