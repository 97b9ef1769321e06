"""A participant's worker as its commands see it: the profile it runs by, where its process is noted, how it drains."""

import fcntl
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import typer

from assay.client import output
from assay.client.errors import BadInput, BadProfile
from assay.client.output import Output
from assay.client.profile import Profile

PID: Final = "worker.pid"
"""What a worker holds and writes its process into, in its data folder."""


@contextmanager
def starting(context: typer.Context, data_dir: Path) -> Iterator[dict[str, Any]]:
    """The settings that every worker takes from the profile."""

    async def read(out: Output) -> Profile:
        return Profile.find(out.profile)

    profile = output.run(context, read)
    if profile.key_file is None:
        raise typer.Exit(context.obj.fail(BadProfile("The profile has no key: add key_file.")))
    with output.told(context.obj):
        yield {
            "nats_url": profile.nats_url,
            "nats_creds_file": profile.creds_file,
            "key_file": profile.key_file,
            "deployment_file": profile.deployment_file,
            "data_dir": data_dir,
        }


def drain(context: typer.Context, data_dir: Path) -> None:
    """Tell the worker of `data_dir` to end what is in hand and stop."""

    async def work(out: Output) -> None:
        pid = working_in(data_dir)
        os.kill(pid, signal.SIGTERM)
        out.show({"pid": pid, "drain": "asked"}, lambda: f"asked {pid} to drain")

    output.run(context, work)


def working_in(data_dir: Path) -> int:
    """The process of the worker of a folder. Raises BadInput if none holds it: another may have the number by now."""
    try:
        with (data_dir / PID).open() as note:
            try:
                fcntl.flock(note, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return int(note.read())
    except (FileNotFoundError, ValueError):
        pass
    raise BadInput(f"No worker runs in {data_dir}.")
