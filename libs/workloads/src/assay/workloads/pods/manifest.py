"""The Pod of one segment of a command, as the cluster is asked for it.

It has no token, no user of the node's, no capability, a root that is read-only, limits that are also its requests, and
the one runtime class that the provider named. Nothing of the job stands in it but sizes and times: command, image and
files are handed in over a connection (assay.workloads.pods.wire), so no program's name or secret is in the API's store.
"""

from pathlib import Path
from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field

from assay.workloads.command.params import MIB, CommandParams
from assay.workloads.command.workload import Command

PORT: Final = 7000
"""Where the step in a Pod is handed its segment, by the worker alone."""
NAME: Final = "command"
OWNER: Final = "assay/worker"
NOBODY: Final = 65534
START_S: Final = 300
"""How long a cluster may take until a Pod answers: nodes are added and images pulled in that."""
END_S: Final = 120
"""What laying files and taking outputs may take beside the command's own time."""
WORK: Final = "/work"
SLACK_BYTES: Final = 64 * MIB
"""What the step writes beside the files that it is handed: of the outputs a copy, and logs."""
RUNTIME_CLASS: Final = r"^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$"
IMAGE: Final = r"^[^@\s]+@sha256:[0-9a-f]{64}$"
NAMESPACE: Final = r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$"
API: Final = "https://kubernetes.default.svc"
ACCOUNT: Final = Path("/var/run/secrets/kubernetes.io/serviceaccount")


class Site(BaseModel):
    """Where Pods are made, and of what: a provider's settings.

    `image` is the worker's own, by digest; in it the step runs that unpacks a job's image. `worker` is the label by
    which this worker finds what it has left. `account` is the folder with the token, and `ca.crt` for https.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    runtime_class: Annotated[str, Field(pattern=RUNTIME_CLASS)]
    image: Annotated[str, Field(pattern=IMAGE)]
    namespace: Annotated[str, Field(pattern=NAMESPACE)]
    worker: Annotated[str, Field(pattern=r"^[a-z0-9]{1,63}$")]
    api: str = API
    account: Path = ACCOUNT


def pod_of(site: Site, name: str, params: CommandParams, carried_bytes: int, token: str) -> dict[str, Any]:
    """Return the Pod for one segment, which is handed so many bytes of files by who knows the token."""
    written = carried_bytes + params.output_bytes + SLACK_BYTES
    spec = {
        "runtimeClassName": site.runtime_class,
        "restartPolicy": "Never",
        "activeDeadlineSeconds": START_S + params.time_s + END_S,
        "terminationGracePeriodSeconds": 0,
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "dnsPolicy": "None",
        "dnsConfig": {"nameservers": ["127.0.0.1"]},
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": NOBODY,
            "runAsGroup": NOBODY,
            "fsGroup": NOBODY,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [container_of(site, params, written, token)],
        "volumes": [{"name": "work", "emptyDir": {"sizeLimit": str(written)}}],
    }
    labels = {"app.kubernetes.io/name": NAME, OWNER: site.worker}
    metadata = {"name": name, "namespace": site.namespace, "labels": labels}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


def container_of(site: Site, params: CommandParams, written: int, token: str) -> dict[str, Any]:
    """Return the one container of a Pod, whose step writes at most so many bytes to its volume."""
    room = {
        "cpu": str(params.threads),
        "memory": str(Command().requirements(params)["memory_bytes"]),
        "ephemeral-storage": str(written + SLACK_BYTES),
    }
    return {
        "name": NAME,
        "image": site.image,
        "command": ["python", "-P", "-m", "assay.workloads.pods.step"],
        "workingDir": WORK,
        "env": [{"name": "ASSAY_TOKEN", "value": token}, {"name": "HOME", "value": WORK}],
        "ports": [{"name": "segment", "containerPort": PORT}],
        "resources": {"requests": room, "limits": room},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": [{"name": "work", "mountPath": WORK}],
    }


HELD: Final = ("runtimeClassName", "automountServiceAccountToken", "activeDeadlineSeconds", "securityContext")
"""What of a Pod must be as it was asked for, whatever a cluster's webhooks make of the rest."""


KINDS: Final = ("initContainers", "containers", "ephemeralContainers")


def laid_in(spec: dict[str, Any], containers: list[dict[str, Any]]) -> list[tuple[str, ...]]:
    """Return what lies in a Pod and where: each volume with its kind, each mount with its place."""
    volumes = [(each["name"], *sorted(each)) for each in spec.get("volumes") or []]
    mounts = [(each["name"], each["mountPath"]) for one in containers for each in one.get("volumeMounts") or []]
    return sorted([*volumes, *mounts])


def weakened(asked: dict[str, Any], made: dict[str, Any]) -> list[str]:
    """Return the walls that the cluster's Pod lacks, of those that were asked for."""
    spec, found = asked["spec"], made.get("spec") or {}
    names = [name for name in HELD if found.get(name) != spec[name]]
    wanted = spec["containers"][0]["securityContext"]
    containers = [each for kind in KINDS for each in found.get(kind) or []]
    if any((each.get("securityContext") or {}) != wanted for each in containers):
        names.append("containers.securityContext")
    if [each.get("name") for each in containers] != [NAME]:
        names.append("containers")
    if laid_in(found, containers) != laid_in(spec, spec["containers"]):
        names.append("volumes")
    shared = [name for name in ("hostNetwork", "hostPID", "hostIPC") if found.get(name)]
    return names + shared
