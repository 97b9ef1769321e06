"""Who reaches whom: the policies are evaluated for every pair of pods, and come to this table and no more."""

from typing import Any

import pytest
from tests.deploy.manifests import OVERLAYS, SERVICES, Document, Pod, of_kind, pods

CHAIN_CLIENTS = ("settlement", "verification")
EXPECTED = {
    *((name, "nats", 4222) for name in (*SERVICES, "execution", "verifier")),
    *((name, "postgres", 5432) for name in SERVICES),
    ("nats", "nats", 6222),
}


def selects(selector: Document, pod: Pod) -> bool:
    return bool(selector.get("matchLabels", {}).items() <= pod.labels.items())


def allows(rule: Document, side: str, other: Pod, port: int) -> bool:
    """Whether a rule lets a pod of this namespace through."""
    peers = [p for p in rule[side] if "podSelector" in p and "namespaceSelector" not in p]
    ports = [entry["port"] for entry in rule["ports"]]
    return port in ports and any(selects(peer["podSelector"], other) for peer in peers)


def is_open(overlay: str, way: str, pod: Pod, other: Pod, port: int) -> bool:
    """Whether the policies of `pod` for that way (Ingress, Egress) let `other` through."""
    side = "from" if way == "Ingress" else "to"
    mine = [d["spec"] for d in of_kind(overlay, "NetworkPolicy") if selects(d["spec"]["podSelector"], pod)]
    held = [spec for spec in mine if way in spec["policyTypes"]]
    return not held or any(allows(rule, side, other, port) for s in held for rule in s.get(way.lower(), []))


def reached(overlay: str) -> set[tuple[str, str, int]]:
    return {
        (a.name, b.name, port)
        for a in pods(overlay)
        for b in pods(overlay)
        for port in b.ports().values()
        if is_open(overlay, "Egress", a, b, port) and is_open(overlay, "Ingress", b, a, port)
    }


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_pods_reach_what_they_need_and_nothing_else(overlay: str) -> None:
    anvil = {(name, "anvil", 8545) for name in CHAIN_CLIENTS} if overlay == "local" else set()
    found, wanted = reached(overlay), EXPECTED | anvil
    assert found - wanted == set(), "these reach what they must not"
    assert wanted - found == set(), "these do not reach what they need"


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_everything_is_refused_both_ways_unless_allowed(overlay: str) -> None:
    deny = next(d for d in of_kind(overlay, "NetworkPolicy") if d["metadata"]["name"] == "default-deny")
    assert deny["spec"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}


def test_only_those_who_need_the_chain_leave_the_cluster() -> None:
    for document in of_kind("production", "NetworkPolicy"):
        for rule in document["spec"].get("egress", []):
            blocks: list[Any] = [peer["ipBlock"] for peer in rule["to"] if "ipBlock" in peer]
            if blocks:
                leaving = {pod.name for pod in pods("production") if selects(document["spec"]["podSelector"], pod)}
                assert leaving == set(CHAIN_CLIENTS)
                assert all("169.254.0.0/16" in block["except"] for block in blocks)


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_a_policy_names_only_ports_and_pods_that_there_are(overlay: str) -> None:
    for document in of_kind(overlay, "NetworkPolicy"):
        name, chosen = document["metadata"]["name"], document["spec"]["podSelector"]
        mine = [pod for pod in pods(overlay) if selects(chosen, pod)]
        assert mine, f"{name} selects no pod"
        for rule in document["spec"].get("ingress", []):
            ports = {port for pod in mine for port in pod.ports().values()}
            assert {entry["port"] for entry in rule["ports"]} <= ports, f"{name} opens a port that nobody listens on"
