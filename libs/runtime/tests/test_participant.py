"""A worker is alone in its data folder: two on one journal would contradict each other under one key."""

import errno
import fcntl
import os
import subprocess
import sys
from pathlib import Path

import pytest

from assay.runtime.participant import WORKER, alone_in
from assay.schema.errors import BadSettings


def test_a_second_worker_is_kept_out_of_a_folder_until_the_first_has_ended(tmp_path: Path) -> None:
    with alone_in(tmp_path):
        with pytest.raises(BadSettings, match="Another worker works in"), alone_in(tmp_path):
            pytest.fail("two work in one folder")
        assert (tmp_path / WORKER).read_text() == str(os.getpid()), "who was kept out leaves no word"
    with alone_in(tmp_path):
        pass


def test_a_folder_of_a_worker_that_was_killed_is_free(tmp_path: Path) -> None:
    (tmp_path / WORKER).write_text("1234567")
    with alone_in(tmp_path):
        assert (tmp_path / WORKER).read_text() == str(os.getpid())


def test_a_folder_is_free_once_its_worker_has_ended_whatever_it_started(tmp_path: Path) -> None:
    with alone_in(tmp_path):
        waits = [sys.executable, "-c", "print(flush=True); input()"]
        left = subprocess.Popen(waits, stdin=subprocess.PIPE, stdout=subprocess.PIPE, close_fds=False)
        # Its kernel lets the caller go on a moment before what is not to be inherited is closed.
        assert left.stdout and left.stdout.readline()
    try:
        with alone_in(tmp_path):
            assert left.poll() is None
    finally:
        left.communicate()


def test_a_folder_that_cannot_be_held_is_no_place_for_a_worker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def unheld(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", unheld)
    with pytest.raises(BadSettings, match="No locks available"), alone_in(tmp_path):
        pytest.fail("nobody knows who else works there")
