"""A participant's worker as its commands see it: the profile it runs by, where its process is noted, how it drains."""

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


@contextmanager
def starting(context: typer.Context, data_dir: Path) -> Iterator[dict[str, Any]]:
    """The settings that every worker takes from the profile; its process is noted in `data_dir` meanwhile."""

    async def read(out: Output) -> Profile:
        return Profile.find(out.profile)

    profile = output.run(context, read)
    if profile.key_file is None:
        raise typer.Exit(context.obj.fail(BadProfile("The profile has no key: add key_file.")))
    with output.told(context.obj), noted(data_dir):
        yield {
            "nats_url": profile.nats_url,
            "nats_creds_file": profile.creds_file,
            "key_file": profile.key_file,
            "deployment_file": profile.deployment_file,
            "data_dir": data_dir,
        }


@contextmanager
def noted(data_dir: Path) -> Iterator[None]:
    """While it is open, this process stands in `data_dir` as the worker that runs there."""
    data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    note = data_dir / PID
    note.write_text(str(os.getpid()))
    try:
        yield
    finally:
        note.unlink(missing_ok=True)


def drain(context: typer.Context, data_dir: Path) -> None:
    """Tell the worker of `data_dir` to end what is in hand and stop."""

    async def work(out: Output) -> None:
        try:
            pid = int((data_dir / PID).read_text())
            os.kill(pid, signal.SIGTERM)
        except (FileNotFoundError, ProcessLookupError, ValueError):
            raise BadInput(f"No worker runs in {data_dir}.") from None
        out.show({"pid": pid, "drain": "asked"}, lambda: f"asked {pid} to drain")

    output.run(context, work)
