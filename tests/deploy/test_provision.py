"""Provisioning on real servers: what it writes is what the processes need, and the bus takes its accounts."""

import argparse
import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from tests.deploy.manifests import OVERLAYS, ROOT, config_files

from assay.bus.accounts import Network
from assay.devnet.environment import SERVICES
from assay.devnet.evm import Evm
from assay.devnet.executables import nats_server
from assay.devnet.postgres import Postgres
from assay.devnet.provision import FILES, PARTIES, make_network
from assay.store import Store

PERMISSIONS = json.loads((ROOT / "deploy/permissions.json").read_text())


def options(postgres_url: str | None = None, rpc_url: str | None = None) -> argparse.Namespace:
    return argparse.Namespace(postgres_url=postgres_url, rpc_url=rpc_url, password_file=None, dsn_host=None)


@pytest.mark.server
async def test_each_process_finds_its_files_and_nobody_else_may_read_them(
    postgres: Postgres, chain_url: str, evm: Evm, tmp_path: Path
) -> None:
    for _ in range(2):
        await make_network(tmp_path, PERMISSIONS, options(postgres.dsn, chain_url))
    for name in FILES.keys() - set(PARTIES):
        for file in FILES[name]:
            assert (tmp_path / name / file).stat().st_mode & 0o777 == 0o600
    for name in SERVICES:
        store = await Store.connect((tmp_path / name / "postgres.dsn").read_text(), name)
        await store.close()


def take_configuration(folder: Path, files: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Have the server look at the production configuration with these files beside it."""
    (folder / "nats.conf").write_text((ROOT / "deploy/nats.conf").read_text())
    for name, text in files.items():
        (folder / name).write_text(text.replace("/etc/nats-tls", str(folder)))
    told = {**os.environ, "NATS_SERVER_NAME": "nats-0", "NATS_ZONE": "az:nats-0"}
    command = [nats_server(), "-t", "-c", folder / "nats.conf"]
    return subprocess.run(command, env=told, capture_output=True, text=True)


def make_certificate(folder: Path) -> None:
    """A certificate that is its own authority, as the component `tls` has them."""
    words = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=nats"
    command = ["openssl", *words.split(), "-keyout", folder / "tls.key", "-out", folder / "tls.crt"]
    subprocess.run(command, check=True, capture_output=True)
    shutil.copy(folder / "tls.crt", folder / "ca.crt")


@pytest.mark.server
@pytest.mark.parametrize("overlay", OVERLAYS)
def test_the_server_takes_the_configuration_of_the_cluster(overlay: str, tmp_path: Path) -> None:
    if overlay == "production":
        if shutil.which("openssl") is None:
            pytest.skip("no openssl")
        make_certificate(tmp_path)
    accounts = Network.create(PERMISSIONS["exports"]).server_conf(tmp_path / "accounts")
    done = take_configuration(tmp_path, {**config_files(overlay, "nats-cluster"), "accounts.conf": accounts})
    assert done.returncode == 0, done.stderr
    assert config_files(overlay, "nats-server")["nats.conf"] == (ROOT / "deploy/nats.conf").read_text()


@pytest.mark.server
def test_the_server_takes_the_configuration_of_compose(tmp_path: Path) -> None:
    files = {file.name: file.read_text() for file in (ROOT / "deploy/nats").glob("*.conf")}
    (tmp_path / "provisioned").mkdir()
    accounts = Network.create(PERMISSIONS["exports"]).server_conf(tmp_path / "accounts")
    (tmp_path / "provisioned/accounts.conf").write_text(accounts)
    done = take_configuration(tmp_path, files)
    assert done.returncode == 0, done.stderr
