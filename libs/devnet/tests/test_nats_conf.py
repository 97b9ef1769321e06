"""The production configuration of NATS: the server takes it, and it is as strict as the devnet's."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from assay.bus.accounts import Network
from assay.devnet.executables import nats_server
from assay.devnet.nats import CONF

PRODUCTION = Path(__file__).resolve().parents[3] / "deploy/nats.conf"
SAFE = ("sync_interval: always", "strict: true", "max_payload: 1MB", "max_control_line: 16KB")


@pytest.mark.server
def test_the_server_takes_the_production_configuration(tmp_path):
    (tmp_path / "nats.conf").write_text(PRODUCTION.read_text())
    (tmp_path / "accounts.conf").write_text(Network.create(["assay.job.>"]).server_conf(tmp_path / "accounts"))
    for supplied in ("cluster.conf", "tls.conf"):
        (tmp_path / supplied).touch()
    told = {**os.environ, "NATS_SERVER_NAME": "n1", "NATS_ZONE": "az:a"}
    command = [nats_server(), "-t", "-c", tmp_path / "nats.conf"]
    done = subprocess.run(command, env=told, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("setting", SAFE)
def test_production_and_devnet_are_equally_safe(setting):
    assert setting in CONF
    assert re.search(rf"^\s*{setting}$", PRODUCTION.read_text(), re.MULTILINE)


def test_nobody_gets_in_without_credentials():
    assert not re.search(r"^\s*no_auth_user", PRODUCTION.read_text() + CONF, re.MULTILINE)
