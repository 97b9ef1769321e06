"""Every variable and file that a process is given is one that its settings know, and the settings are content."""

import os
from importlib import import_module
from pathlib import PurePosixPath
from urllib.parse import urlsplit

import pytest
from tests.deploy.manifests import (
    FOLDER_OF,
    OVERLAYS,
    PREFIX,
    PROCESSES,
    SERVICES,
    VERIFIER,
    VERIFIERS,
    Pod,
    compose,
    compose_environment,
    environment,
    of_kind,
    pods,
    processes,
)

from assay.devnet.provision import FILES


def parse(process: str, given: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the settings of the process read the variables. Raises BadSettings, which names what is wrong."""
    for name in [name for name in os.environ if name.startswith(PREFIX)]:
        monkeypatch.delenv(name)
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    room = "verification.verifier" if process in (VERIFIER, *VERIFIERS) else process
    import_module(f"assay.{room}.settings").Settings.parse(os.environ)


@pytest.mark.parametrize("pod", processes(), ids=str)
def test_the_settings_take_what_the_manifest_gives(pod: Pod, monkeypatch: pytest.MonkeyPatch) -> None:
    given = environment(pod.main)
    own = f"{PREFIX}{pod.name.upper()}_"
    strange = [name for name in given if name.startswith(PREFIX) and not name.startswith(own)]
    assert strange == [], f"{pod} is given the variables of another process"
    parse(pod.name, given, monkeypatch)


@pytest.mark.parametrize("process", (*PROCESSES, *VERIFIERS))
def test_the_settings_take_what_compose_gives(process: str, monkeypatch: pytest.MonkeyPatch) -> None:
    parse(process, compose_environment(process), monkeypatch)


@pytest.mark.parametrize("process", (*PROCESSES, *VERIFIERS))
def test_compose_and_the_local_cluster_say_the_same(process: str) -> None:
    name = VERIFIER if process in VERIFIERS else process
    pod = next(pod for pod in pods("local") if pod.name == name)
    moved = {"ASSAY_EXECUTION_KEY_FILE"}
    mine, theirs = compose_environment(process), environment(pod.main)
    different = {name for name in (mine.keys() | theirs.keys()) - moved if mine.get(name) != theirs.get(name)}
    assert different == set(), f"deploy/env/{process}.env and k8s/base/{process}.yaml differ in {sorted(different)}"


@pytest.mark.parametrize("pod", processes(), ids=str)
def test_every_file_that_is_named_is_mounted(pod: Pod) -> None:
    mounts = {mount["mountPath"]: mount["name"] for mount in pod.main["volumeMounts"]}
    folder = FOLDER_OF[pod.name]
    for name, value in environment(pod.main).items():
        path = PurePosixPath(value)
        if name.endswith("_DIR"):
            assert value in mounts, f"{name}: nothing is mounted at {value}"
        if not name.endswith("_FILE"):
            continue
        assert str(path.parent) in mounts, f"{name}: nothing is mounted at {path.parent}"
        source = pod.volume(mounts[str(path.parent)])
        if "secret" in source and source["secret"]["secretName"] == f"assay-{folder}":
            assert path.name in FILES[folder], f"{name}: provisioning makes no {folder}/{path.name}"
        elif "secret" in source:
            taken = [item["path"] for item in source["secret"].get("items", [])]
            assert path.name in taken, f"{name}: {source['secret']['secretName']} is not the secret of {pod.name}"


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_the_workers_key_is_taken_from_its_secret_by_a_step_before_it(overlay: str) -> None:
    pod = next(pod for pod in pods(overlay) if pod.name == "execution")
    _, mode, source, target = pod.spec["initContainers"][0]["command"]
    assert (mode, target) == ("--mode=0400", environment(pod.main)["ASSAY_EXECUTION_KEY_FILE"])
    assert PurePosixPath(source).name in FILES["provider"]


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_each_verifier_takes_the_files_of_its_ordinal(overlay: str) -> None:
    pod = next(pod for pod in pods(overlay) if pod.name == VERIFIER)
    sources = pod.volume("all")["projected"]["sources"]
    assert [source["secret"]["name"] for source in sources] == [f"assay-{name}" for name in VERIFIERS]
    taken = {file.removeprefix("/all/$(POD_NAME)/") for file in pod.spec["initContainers"][0]["command"][3:]}
    for name, source in zip(VERIFIERS, sources, strict=True):
        assert {item["path"] for item in source["secret"]["items"]} == {f"{name}/{file}" for file in taken}
        assert taken == set(FILES[name])


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_secret_is_one_that_the_operator_is_told_to_make(overlay: str) -> None:
    known = {f"assay-{folder}" for folder in FILES} | {"assay-postgres"}
    known |= {d["spec"]["secretName"] for d in of_kind(overlay, "Certificate")}
    for pod in pods(overlay):
        for volume in pod.spec.get("volumes", []):
            sources = [volume, *volume.get("projected", {}).get("sources", [])]
            named = [s["secret"].get("secretName") or s["secret"].get("name") for s in sources if "secret" in s]
            assert set(named) <= known, f"{pod}: nobody makes {set(named) - known}"


@pytest.mark.parametrize("pod", [pod for pod in processes() if pod.name in SERVICES], ids=str)
def test_a_service_listens_on_the_port_that_is_declared(pod: Pod) -> None:
    given, own = environment(pod.main), f"{PREFIX}{pod.name.upper()}_"
    assert int(given[own + "HTTP_PORT"]) == pod.ports()["http"], f"{pod} listens on a port that it does not declare"
    assert given[own + "HTTP_HOST"] == "0.0.0.0"


@pytest.mark.parametrize("pod", processes(), ids=str)
def test_every_address_is_a_service_of_the_overlay(pod: Pod) -> None:
    known = {
        (d["metadata"]["name"], port["port"]) for d in of_kind(pod.overlay, "Service") for port in d["spec"]["ports"]
    }
    scheme = "tls" if pod.overlay == "production" else "nats"
    for name, value in environment(pod.main).items():
        url = urlsplit(value)
        if name.endswith("_NATS_URL"):
            assert url.scheme == scheme, f"{name} of {pod} is not {scheme}://..."
        if name.endswith("_URL") and not (url.hostname or "").endswith("example.org"):
            assert (url.hostname, url.port) in known, f"{name}: there is no service {url.netloc}"


@pytest.mark.parametrize("process", (*PROCESSES, *VERIFIERS))
def test_compose_mounts_the_secrets_of_the_process_and_no_others(process: str) -> None:
    mounted = [volume.split(":") for volume in compose()["services"][process]["volumes"]]
    secret = [parts for parts in mounted if parts[0].endswith("-secrets")]
    assert secret == [[f"{FOLDER_OF[process]}-secrets", "/secrets", "ro"]]
    for name, value in compose_environment(process).items():
        if name.endswith("_FILE"):
            path = PurePosixPath(value)
            assert str(path.parent) == "/secrets"
            assert path.name in FILES[FOLDER_OF[process]], f"{name}: provisioning makes no {path.name}"
        if name.endswith("_DIR"):
            assert value in [place for parts in mounted for place in parts[1:]]
