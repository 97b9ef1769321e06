"""What the parent sees of a child holds whatever processes and files do meanwhile."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from assay.workloads.sandbox.watch import FILES_MAX, look, tree, usage

STORM = "import os\nwhile True:\n    if os.fork() == 0: os._exit(0)\n    os.waitpid(-1, 0)"


def test_processes_that_come_and_go_do_not_blind_the_watch() -> None:
    storm = subprocess.Popen([sys.executable, "-c", STORM], start_new_session=True)
    try:
        until, looks = time.monotonic() + 3, 0
        while time.monotonic() < until:
            assert tree(storm.pid)[0] == storm.pid
            looks += 1
    finally:
        storm.kill()
        storm.wait()
    assert looks > 20
    assert tree(storm.pid) == [storm.pid]


def test_a_folder_that_cannot_be_looked_into_counts_as_too_much(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def shut(path: str) -> None:
        raise PermissionError(13, "shut", path)

    monkeypatch.setattr(os, "scandir", shut)
    assert usage(tmp_path)[0] > FILES_MAX


def test_a_child_that_cannot_be_looked_after_is_over(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from assay.workloads.sandbox import watch
    from assay.workloads.sandbox.policy import Policy

    def torn(pid: int) -> str:
        raise OSError(5, "torn")

    monkeypatch.setattr(watch, "status_of", torn)
    policy = Policy(models=tmp_path, scratch=tmp_path)
    found = look(os.getpid(), policy)
    assert found and found.code == "sandbox.unwatched"
