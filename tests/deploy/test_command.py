"""The Pod of a command is what Kubernetes takes, in a sandboxed runtime, and reaches nobody."""

import subprocess

import kubernetes_validate
import yaml
from tests.deploy.manifests import KUBECTL, ROOT
from tests.deploy.test_schemas import VERSION


def test_the_pod_of_a_command_is_valid_bounded_and_shut_in() -> None:
    said = subprocess.run([str(KUBECTL), "kustomize", str(ROOT / "k8s/command")], capture_output=True, text=True)
    assert said.returncode == 0, said.stderr
    documents = {document["kind"]: document for document in yaml.safe_load_all(said.stdout)}
    for document in documents.values():
        kubernetes_validate.validate(document, VERSION, strict=True)
    policy, pod = documents["NetworkPolicy"]["spec"], documents["Pod"]["spec"]
    assert policy == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    assert pod["runtimeClassName"] == "gvisor" and pod["activeDeadlineSeconds"] and not pod["hostUsers"]
    assert (pod["automountServiceAccountToken"], pod["restartPolicy"]) == (False, "Never")
    (container,) = pod["containers"]
    assert set(container["resources"]["limits"]) == {"cpu", "memory", "ephemeral-storage"}
    assert container["securityContext"]["readOnlyRootFilesystem"] and pod["securityContext"]["runAsNonRoot"]
    assert all("emptyDir" not in volume or "sizeLimit" in volume["emptyDir"] for volume in pod["volumes"])
