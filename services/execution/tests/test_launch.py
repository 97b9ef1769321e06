"""How a worker starts: its knobs are those that do something, and it waits for the network as long as they say."""

import asyncio
import json
import logging
from pathlib import Path

import pytest

from assay.bus.keyfile import make_key
from assay.execution.launch import serve
from assay.execution.lease_run import LeaseRun
from assay.execution.settings import Settings
from assay.schema.errors import BadSettings, Unreachable


def test_a_knob_of_services_alone_is_unknown_to_a_worker() -> None:
    with pytest.raises(BadSettings, match="ASSAY_EXECUTION_NATS_MONITORING_URL"):
        Settings.parse({"ASSAY_EXECUTION_NATS_MONITORING_URL": "http://127.0.0.1:8222"})


async def test_a_worker_waits_for_the_network_as_long_as_it_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("assay.bus.connection.FIRST_CONTACT_S", 0.1)
    caplog.set_level(logging.INFO, "assay.runtime.reach")
    make_key(tmp_path / "key")
    (tmp_path / "deployment.json").write_text(json.dumps({"chain_id": 31337, "payment": "0x" + "5" * 40}))
    settings = Settings(
        nats_url="nats://127.0.0.1:9",
        start_s=0.3,
        key_file=tmp_path / "key",
        deployment_file=tmp_path / "deployment.json",
        data_dir=tmp_path / "data",
        models_dir=tmp_path,
    )
    with pytest.raises(Unreachable):
        await serve(settings, asyncio.Event(), LeaseRun)
    assert [record.message for record in caplog.records if record.message.startswith("waits: ")]
