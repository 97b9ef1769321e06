"""The report that a provider presents: read from a file, bound to its key and class, carried by its offer."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from assay.bus.keyfile import make_key
from assay.client.cli import app
from assay.client.profile import Profile
from assay.execution.attesting import load_report
from assay.execution.domain import offer
from assay.proof.attestation import binding
from assay.schema.errors import BadSettings
from assay.schema.values import NO_DIGEST, Capacity, Role, participant_id
from assay.workloads.machine import own_class_id

MACHINE = "c" * 64
RECORDED = {"technology": "tdx", "evidence": ["AAAA"]}


def test_a_report_is_presented_as_one_of_the_machine_that_works(tmp_path: Path) -> None:
    file = tmp_path / "report.json"
    file.write_text(json.dumps(RECORDED))
    report = load_report(file, MACHINE)
    assert report and (report.technology, report.machine, report.evidence) == ("tdx", MACHINE, ("AAAA",))
    said = offer("p" + "a" * 32, 1, ("noop",), Capacity(slots=1, memory_bytes=1), "de", 1, 1, report)
    assert said.attestation == report
    assert load_report(None, MACHINE) is None


@pytest.mark.parametrize("text", ["", "[]", '{"technology": "sgx", "evidence": ["AAAA"]}', '{"technology": "tdx"}'])
def test_a_file_that_holds_no_report_keeps_the_worker_from_starting(tmp_path: Path, text: str) -> None:
    file = tmp_path / "report.json"
    file.write_text(text)
    with pytest.raises(BadSettings, match="holds no report"):
        load_report(file, MACHINE)
    with pytest.raises(BadSettings, match="states no class"):
        load_report(file, None)
    with pytest.raises(BadSettings, match="cannot be read"):
        load_report(tmp_path / "none", MACHINE)


def test_the_command_says_what_a_report_must_carry(tmp_path: Path) -> None:
    own = participant_id(Role.PROVIDER, make_key(tmp_path / "key").address)
    plain = {"nats_url": "nats://none", "creds_file": Path("creds"), "deployment_file": Path("deployment")}
    Profile(**plain, key_file=Path("key")).save(tmp_path)
    machine = own_class_id()
    assert machine
    for words, challenge in (([], NO_DIGEST), (["--challenge", "5" * 64], "5" * 64)):
        done = CliRunner().invoke(app, ["--profile", str(tmp_path), "--json", "provider", "binding", *words])
        assert done.exit_code == 0, done.output
        expected = binding(own, machine, challenge).hex()
        assert json.loads(done.stdout) == {"provider": own, "machine": machine, "binding": expected}
