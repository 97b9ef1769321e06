"""Every document is what Kubernetes takes; what it does not know itself is held to the fields that we use."""

from typing import Any

import kubernetes_validate
import pytest
from tests.deploy.manifests import OVERLAYS, Document, of_kind, render

VERSION = "1.36"
# Of kinds that others bring: the version, and the fields below `spec` that are required and allowed.
FOREIGN: dict[str, tuple[str, set[str], set[str]]] = {
    "ScaledObject": (
        "keda.sh/v1alpha1",
        {"scaleTargetRef", "triggers"},
        {"minReplicaCount", "maxReplicaCount", "pollingInterval", "cooldownPeriod", "fallback", "advanced"},
    ),
    "Certificate": (
        "cert-manager.io/v1",
        {"secretName", "issuerRef", "dnsNames"},
        {"usages", "privateKey", "duration", "renewBefore"},
    ),
    "Issuer": ("cert-manager.io/v1", set(), {"ca"}),
}


def of(overlay: str) -> list[Any]:
    return [pytest.param(d, id=f"{overlay}-{d['kind']}-{d['metadata']['name']}") for d in render(overlay)]


@pytest.mark.parametrize("document", [case for overlay in OVERLAYS for case in of(overlay)])
def test_a_document_is_valid(document: Document) -> None:
    if document["kind"] not in FOREIGN:
        kubernetes_validate.validate(document, VERSION, strict=True)
        return
    version, required, optional = FOREIGN[document["kind"]]
    assert document["apiVersion"] == version
    found = set(document["spec"])
    assert required <= found <= required | optional, f"fields of {document['kind']}: {sorted(found)}"


def test_a_misspelt_field_is_noticed() -> None:
    document = next(d for d in render("local") if d["kind"] == "Deployment")
    spec = {**document["spec"], "replica": 2}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate({**document, "spec": spec}, VERSION, strict=True)


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_nothing_lies_outside_of_the_namespace(overlay: str) -> None:
    astray = [d["metadata"]["name"] for d in render(overlay) if d["metadata"].get("namespace") != "assay"]
    assert astray == ["assay"], "only the namespace itself has none"
    assert of_kind(overlay, "Namespace")[0]["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_no_secret_lies_in_the_manifests(overlay: str) -> None:
    assert of_kind(overlay, "Secret") == []
