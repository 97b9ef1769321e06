"""The Dockerfile and compose name what there is: extras, locks, servers of the version that the tests run."""

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from tests.deploy.manifests import (
    OVERLAYS,
    PROCESSES,
    ROOT,
    SERVICES,
    VERIFIER,
    VERIFIERS,
    compose,
    every_pod,
    pods,
    strings,
)

from assay.devnet.executables import nats_server, postgres_bin
from assay.devnet.provision import FILES, read_options

DOCKERFILE = (ROOT / "deploy/Dockerfile").read_text()
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
ANVIL = "@foundry-rs/anvil-linux-amd64"


def builds() -> dict[str, str]:
    """The SERVICE that each image of compose is built with."""
    found = [s for s in compose()["services"].values() if "build" in s]
    assert all(s["build"]["dockerfile"] == "deploy/Dockerfile" for s in found)
    return {s["image"]: s["build"]["args"]["SERVICE"] for s in found}


def test_every_service_that_is_built_is_an_extra_and_a_command() -> None:
    unknown = set(builds().values()) ^ set(PROCESSES)
    assert unknown == set(), f"compose builds and pyproject.toml's extras differ in {sorted(unknown)}"
    assert set(PROCESSES) <= set(PROJECT["optional-dependencies"])
    assert {f"assay-{name}" for name in PROCESSES} <= set(PROJECT["scripts"])
    assert builds() == {f"assay/{name}:{PROJECT['version']}": name for name in PROCESSES}
    assert f"ARG VERSION={PROJECT['version']}\n" in DOCKERFILE


def test_torch_is_carried_by_those_who_run_workloads_and_in_the_version_of_the_makefile() -> None:
    carriers = set(re.search(r"in (\S+)\) \\\n", DOCKERFILE).group(1).split("|"))
    extras = PROJECT["optional-dependencies"]
    assert carriers == {name for name in PROCESSES if "workloads" in extras[name][0]}
    pinned = re.search(r"^TORCH := torch==(\S+)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert pinned
    assert f"ARG TORCH={pinned.group(1)}\n" in DOCKERFILE


def test_every_install_checks_hashes_or_takes_no_dependencies() -> None:
    installs = [line for line in re.split(r"RUN|&&", DOCKERFILE.replace("\\\n", " ")) if "pip install" in line]
    assert len(installs) == 3
    assert all("--require-hashes" in line or "--no-deps /dist" in line for line in installs)
    for lock in ("requirements/run.lock", "deploy/build.lock"):
        text = (ROOT / lock).read_text()
        assert len(re.findall(r"^[a-z]", text, re.MULTILINE)) <= text.count("--hash=sha256:")


def test_what_the_dockerfile_copies_is_let_in() -> None:
    allowed = {line[1:] for line in (ROOT / "deploy/Dockerfile.dockerignore").read_text().split() if line[0] == "!"}
    copied = [
        line.split()[1:-1] for line in DOCKERFILE.splitlines() if line.startswith("COPY ") and "--from" not in line
    ]
    for path in (path for paths in copied for path in paths):
        assert (ROOT / path).exists(), f"the Dockerfile copies {path}, which is not there"
        assert any(path == rule or path.startswith(rule + "/") for rule in allowed), f"{path} is not let in"


def test_the_image_needs_no_root_and_no_shell() -> None:
    last = DOCKERFILE.split("\nFROM ")[-1]
    assert "\nUSER 10001:10001\n" in last
    assert re.findall(r"^ENTRYPOINT (.*)$", last, re.MULTILINE) == ['["serve"]']
    for pod in every_pod():
        if pod.name in PROCESSES:
            assert pod.spec["securityContext"]["runAsUser"] == 10001


def test_compose_runs_each_process_and_the_servers() -> None:
    services = compose()["services"]
    assert set(services) - {*PROCESSES, *VERIFIERS} == {"nats", "postgres", "anvil", "provision", "admit", "requester"}
    assert {tuple(services[name]["entrypoint"]) for name in VERIFIERS} == {("assay-verifier",)}
    assert "assay-verifier" in PROJECT["scripts"]
    default = {name for name, service in services.items() if "profiles" not in service}
    assert default == {*SERVICES, "nats", "postgres", "anvil", "provision"}


def test_compose_waits_for_readiness_and_is_stopped_no_sooner_than_a_pod() -> None:
    grace = {pod.name: pod.spec["terminationGracePeriodSeconds"] for pod in pods("local") if pod.name in PROCESSES}
    for name in PROCESSES:
        service = compose()["services"][name]
        assert service["stop_grace_period"] == f"{grace[name]}s"
        if name in SERVICES:
            assert "127.0.0.1:8080/readyz" in service["healthcheck"]["test"][-1]
            assert service["depends_on"]["nats"] == {"condition": "service_healthy"}


def test_compose_names_only_volumes_secrets_and_files_that_there_are() -> None:
    whole = compose()
    for name, service in whole["services"].items():
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            if source.startswith("./"):
                assert (ROOT / "deploy" / source).is_file(), f"{name} mounts {source}, which is not there"
            elif not source.startswith("$"):
                assert source in whole["volumes"], f"{name} mounts the unknown volume {source}"
        assert set(service.get("secrets", [])) <= set(whole["secrets"])
        assert set(service.get("depends_on", [])) <= set(whole["services"])
    used = {v.split(":")[0] for s in whole["services"].values() for v in s.get("volumes", [])}
    assert set(whole["volumes"]) <= used, "a volume that nobody mounts"


def test_provisioning_reaches_every_volume_of_secrets() -> None:
    mounted = dict(v.split(":")[:2] for v in compose()["services"]["provision"]["volumes"])
    assert {v: p for v, p in mounted.items() if v.endswith("-secrets")} == {
        f"{folder}-secrets": f"/provisioned/{folder}" for folder in FILES
    }


def test_every_variable_of_compose_is_explained() -> None:
    example = set(re.findall(r"^(\w+)=", (ROOT / "deploy/.env.example").read_text(), re.MULTILINE))
    used = {name for text in strings(compose()) for name in re.findall(r"\$\{(\w+)", text)}
    asked = {secret["environment"] for secret in compose()["secrets"].values()}
    assert used | asked == example


@pytest.mark.server
@pytest.mark.parametrize("overlay", [*OVERLAYS, "compose"])
def test_the_servers_are_those_that_the_tests_run(overlay: str) -> None:
    if overlay == "compose":
        images = {name: compose()["services"][name]["image"] for name in ("nats", "postgres", "anvil")}
    else:
        images = {pod.name: pod.main["image"] for pod in pods(overlay) if pod.name not in (*PROCESSES, VERIFIER)}
    lock = json.loads((ROOT / "package-lock.json").read_text())["packages"][f"node_modules/{ANVIL}"]["version"]
    own = {"nats": version(nats_server()), "postgres": version(postgres_bin("postgres")), "anvil": lock}
    found = {name: re.search(r":v?(\d+\.\d+(?:\.\d+)?)", image).group(1) for name, image in images.items()}
    assert found == {name: own[name] for name in found}


def version(program: object) -> str:
    said = subprocess.run([str(program), "--version"], capture_output=True, text=True, check=True).stdout
    return re.search(r"\d+\.\d+(\.\d+)?", said).group(0)


@pytest.mark.parametrize("name", ["provision", "admit"])
def test_the_command_of_provisioning_is_one_that_it_takes(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["provision", *compose()["services"][name]["command"]])
    options = read_options()
    assert (options.to, options.owner) == (Path("/provisioned"), 10001)
    assert {"provision": options.permissions, "admit": options.nats_url}[name]
