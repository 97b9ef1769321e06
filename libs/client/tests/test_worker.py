"""Draining a worker: the process that holds the folder is told, and nobody else who has its number by now."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from assay.client.cli import app
from assay.client.worker import PID

pytest.importorskip("assay.execution.commands", reason="only the client is installed")
HOLDS = """
import fcntl, os, sys, time
note = open(sys.argv[1], "a")
if sys.argv[2] == "holds":
    fcntl.flock(note, fcntl.LOCK_EX)
print(os.getpid(), file=note, flush=True)
print("there", flush=True)
time.sleep(600)
"""


@pytest.mark.parametrize(("does", "code"), [("holds", 0), ("held", 2)])
def test_only_who_holds_the_folder_is_told_to_drain(tmp_path: Path, does: str, code: int) -> None:
    with subprocess.Popen([sys.executable, "-c", HOLDS, tmp_path / PID, does], stdout=subprocess.PIPE) as worker:
        assert worker.stdout and worker.stdout.readline() == b"there\n"
        ended = CliRunner().invoke(app, ["--json", "provider", "drain", "--data-dir", str(tmp_path)])
        if code:
            assert worker.poll() is None, "whoever has the number now is left alone"
            worker.kill()
        said = json.loads(ended.stdout)
        assert (ended.exit_code, said.get("pid")) == ((0, worker.pid) if not code else (2, None))


def test_the_note_has_one_name() -> None:
    from assay.runtime.participant import WORKER

    assert PID == WORKER
