"""What kubectl renders of k8s/, and what compose is told, read for the tests."""

import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import yaml

ROOT = Path(__file__).resolve().parents[2]
KUBECTL = Path(sys.executable).parent / "kubectl"
OVERLAYS = ("local", "production")
SERVICES = ("discovery", "matching", "verification", "settlement", "gateway")
PROCESSES = (*SERVICES, "execution")
VERIFIER = "verifier"
VERIFIERS = ("verifier-0", "verifier-1", "verifier-2")
"""The replicas of the pod, and the services of compose; all of one image with verification."""
# The folder of provisioning that is a process's secret.
FOLDER_OF = {**{name: name for name in (*SERVICES, *VERIFIERS)}, "execution": "provider", VERIFIER: VERIFIERS[0]}
PREFIX = "ASSAY_"

Document = dict[str, Any]


class Pod(NamedTuple):
    """A pod's template and the name of what makes it."""

    overlay: str
    name: str
    spec: Document
    labels: dict[str, str]

    @property
    def containers(self) -> list[Document]:
        return [*self.spec.get("initContainers", []), *self.spec["containers"]]

    @property
    def main(self) -> Document:
        return dict(self.spec["containers"][0])

    def volume(self, name: str) -> Document:
        return next(volume for volume in self.spec["volumes"] if volume["name"] == name)

    def ports(self) -> dict[str, int]:
        return {port["name"]: port["containerPort"] for c in self.containers for port in c.get("ports", [])}

    def __str__(self) -> str:
        return f"{self.overlay}/{self.name}"


@cache
def render(overlay: str) -> tuple[Document, ...]:
    """Every document of an overlay."""
    command = [str(KUBECTL), "kustomize", str(ROOT / "k8s/overlays" / overlay)]
    said = subprocess.run(command, capture_output=True, text=True)
    assert said.returncode == 0, f"k8s/overlays/{overlay} does not render: {said.stderr}"
    return tuple(yaml.safe_load_all(said.stdout))


def of_kind(overlay: str, *kinds: str) -> list[Document]:
    """The documents of these kinds."""
    return [document for document in render(overlay) if document["kind"] in kinds]


def pods(overlay: str) -> list[Pod]:
    """Every pod that an overlay makes."""
    found = of_kind(overlay, "Deployment", "StatefulSet")
    return [
        Pod(overlay, d["metadata"]["name"], d["spec"]["template"]["spec"], d["spec"]["template"]["metadata"]["labels"])
        for d in found
    ]


def every_pod() -> list[Pod]:
    """Every pod of every overlay."""
    return [pod for overlay in OVERLAYS for pod in pods(overlay)]


def processes() -> list[Pod]:
    """The pods that run a process of Assay."""
    return [pod for pod in every_pod() if pod.name in (*PROCESSES, VERIFIER)]


def environment(container: Document) -> dict[str, str]:
    """The variables of a container that have plain values."""
    return {entry["name"]: entry["value"] for entry in container.get("env", []) if "value" in entry}


@cache
def compose() -> Document:
    """deploy/compose.yaml."""
    return dict(yaml.safe_load((ROOT / "deploy/compose.yaml").read_text()))


def compose_environment(service: str) -> dict[str, str]:
    """The variables of a service of compose, from its files."""
    found: dict[str, str] = {}
    for file in compose()["services"][service]["env_file"]:
        lines = (ROOT / "deploy" / file).read_text().splitlines()
        found |= dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))
    return found


def config_files(overlay: str, name: str) -> dict[str, str]:
    """The files of a ConfigMap, whose name ends in a digest of them."""
    return next(dict(d["data"]) for d in of_kind(overlay, "ConfigMap") if d["metadata"]["name"].startswith(name + "-"))


def strings(value: Any) -> Iterator[str]:
    """Every string below a value."""
    if isinstance(value, dict):
        for inner in value.values():
            yield from strings(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from strings(inner)
    elif isinstance(value, str):
        yield value
