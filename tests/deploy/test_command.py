"""Commands as Pods: what the component renders, and the Pod that the worker asks for, are what Kubernetes takes."""

import os
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
from tests.deploy.manifests import PREFIX, Document, environment, of_kind, pods, render
from tests.deploy.test_schemas import VERSION

from assay.execution.rooms import site_of
from assay.execution.settings import Settings
from assay.workloads.command.params import CommandParams
from assay.workloads.pods.manifest import ACCOUNT, OWNER, PORT, START_S, pod_of, weakened

OVERLAY = "commands"
PARAMS = CommandParams(command=("sh", "-c", "true"), time_s=60, threads=2)


def settings_of(monkeypatch: pytest.MonkeyPatch) -> Settings:
    for name in [name for name in os.environ if name.startswith(PREFIX)]:
        monkeypatch.delenv(name)
    worker = next(pod for pod in pods(OVERLAY) if pod.name == "execution")
    for name, value in environment(worker.main).items():
        monkeypatch.setenv(name, value)
    return Settings.parse(os.environ)


@pytest.fixture
def pod(monkeypatch: pytest.MonkeyPatch) -> Document:
    site = site_of(settings_of(monkeypatch), "p1")
    assert site is not None
    return pod_of(site, "command-1", PARAMS, 1 << 20, "token")


@pytest.mark.parametrize(
    "document", [pytest.param(d, id=f"{d['kind']}-{d['metadata']['name']}") for d in render(OVERLAY)]
)
def test_a_document_of_the_overlay_is_valid(document: Document) -> None:
    kubernetes_validate.validate(document, VERSION, strict=True)


def test_the_pod_of_a_command_is_valid_bounded_and_shut_in(pod: Document) -> None:
    kubernetes_validate.validate(pod, VERSION, strict=True)
    spec, (container,) = pod["spec"], pod["spec"]["containers"]
    assert (spec["runtimeClassName"], spec["restartPolicy"]) == ("gvisor", "Never")
    assert spec["activeDeadlineSeconds"] > START_S + PARAMS.time_s
    assert (spec["automountServiceAccountToken"], spec["enableServiceLinks"]) == (False, False)
    assert spec["securityContext"]["runAsNonRoot"] and spec["securityContext"]["runAsUser"] != 0
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    room = container["resources"]
    assert room["requests"] == room["limits"] and set(room["limits"]) == {"cpu", "memory", "ephemeral-storage"}
    assert int(room["limits"]["memory"]) > PARAMS.memory_bytes + PARAMS.disk_bytes
    walls = {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}}
    assert container["securityContext"] == walls
    assert "@sha256:" in container["image"]
    assert all("sizeLimit" in volume["emptyDir"] for volume in spec["volumes"])


def test_nothing_of_the_job_but_sizes_stands_in_its_pod(pod: Document) -> None:
    assert "true" not in [*pod["spec"]["containers"][0]["command"], *environment(pod["spec"]["containers"][0]).values()]
    assert pod["metadata"]["labels"][OWNER] == "p1"


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("runtimeClassName", {"runtimeClassName": "runc"}),
        ("automountServiceAccountToken", {"automountServiceAccountToken": True}),
        ("hostNetwork", {"hostNetwork": True}),
        ("containers.securityContext", {"initContainers": [{"name": "injected", "image": "proxy"}]}),
        ("containers", {"containers": []}),
    ],
)
def test_a_pod_that_was_weakened_on_its_way_is_noticed(pod: Document, name: str, change: dict[str, Any]) -> None:
    assert weakened(pod, pod) == []
    assert name in weakened(pod, {**pod, "spec": pod["spec"] | change})


def test_the_worker_may_make_and_remove_pods_where_nothing_else_lies_and_nothing_more() -> None:
    roles = of_kind(OVERLAY, "Role", "ClusterRole", "ClusterRoleBinding")
    assert [(each["kind"], each["metadata"]["namespace"]) for each in roles] == [("Role", "assay-commands")]
    verbs = ["create", "list", "watch", "delete"]
    assert roles[0]["rules"] == [{"apiGroups": [""], "resources": ["pods"], "verbs": verbs}]
    (binding,) = of_kind(OVERLAY, "RoleBinding")
    assert binding["roleRef"]["name"] == roles[0]["metadata"]["name"]
    assert binding["subjects"] == [{"kind": "ServiceAccount", "name": "execution", "namespace": "assay"}]
    beside = [d["kind"] for d in render(OVERLAY) if d["metadata"].get("namespace") == "assay-commands"]
    assert sorted(beside) == ["NetworkPolicy", "Role", "RoleBinding", "ServiceAccount"]


def test_a_command_reaches_nobody_and_the_worker_alone_reaches_it() -> None:
    policies = {d["metadata"]["name"]: d["spec"] for d in of_kind(OVERLAY, "NetworkPolicy")}
    shut = policies["commands"]
    assert (shut["podSelector"], shut["policyTypes"], "egress" in shut) == ({}, ["Ingress", "Egress"], False)
    (rule,) = shut["ingress"]
    (peer,) = rule["from"]
    assert peer["podSelector"] == {"matchLabels": {"app.kubernetes.io/name": "execution"}}
    assert peer["namespaceSelector"] == {"matchLabels": {"kubernetes.io/metadata.name": "assay"}}
    assert [each["port"] for each in rule["ports"]] == [PORT]
    out = policies["execution-commands"]["egress"][0]
    assert [each["port"] for each in out["ports"]] == [PORT]


def test_the_namespace_of_commands_is_held_to_the_strictest_of_kubernetes() -> None:
    spaces = {d["metadata"]["name"]: d["metadata"]["labels"] for d in of_kind(OVERLAY, "Namespace")}
    assert spaces["assay-commands"]["pod-security.kubernetes.io/enforce"] == "restricted"


def test_the_worker_has_a_token_of_its_own_that_expires_and_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    worker = next(pod for pod in pods(OVERLAY) if pod.name == "execution")
    assert worker.spec["automountServiceAccountToken"] is False
    mounted = {mount["mountPath"]: mount["name"] for mount in worker.main["volumeMounts"]}
    token, authority = worker.volume(mounted[str(ACCOUNT)])["projected"]["sources"]
    assert token["serviceAccountToken"] == {"path": "token", "expirationSeconds": 3600}
    assert authority["configMap"]["items"] == [{"key": "ca.crt", "path": "ca.crt"}]
    settings = settings_of(monkeypatch)
    assert settings.pod_account_dir == Path(ACCOUNT) and "command" in settings.kinds
