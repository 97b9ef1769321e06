"""The commands that a verifier adds to `assay`: verifier start, status, drain."""

import os
import signal
from pathlib import Path
from typing import Annotated

import typer

from assay.client import output
from assay.client.output import Output
from assay.client.profile import Profile
from assay.client.sdk import Assay
from assay.schema.errors import BadSettings
from assay.schema.values import BOND_PER_VERIFIER, Role, participant_id

PID = "worker.pid"
DataDir = Annotated[Path, typer.Option(help="Journal and scratch.")]
DATA_DIR = Path("var/verifier")


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(help="Check others' work with this machine.", no_args_is_help=True)
    group.command("start")(start)
    group.command("status")(status)
    group.command("drain")(drain)
    app.add_typer(group, name="verifier")


def start(
    context: typer.Context,
    data_dir: DataDir = DATA_DIR,
    models_dir: Annotated[Path, typer.Option(help="The model store.")] = Path("var/models"),
    region: Annotated[str, typer.Option(help="ISO 3166 code of the machine's country.")] = "de",
    network: Annotated[str, typer.Option(help="Whose wires the machine hangs on: an ASN, a site.")] = "home",
    slots: Annotated[int, typer.Option(help="Audits held at a time.", min=1)] = 4,
) -> None:
    """Run a verifier here until Ctrl-C, which drains it. It needs a bond. More knobs: ASSAY_VERIFIER_*."""
    from assay.verification.verifier.launch import launch
    from assay.verification.verifier.settings import Settings

    async def read(out: Output) -> Profile:
        return Profile.find(out.profile)

    profile = output.run(context, read)
    if profile.key_file is None:
        raise typer.Exit(context.obj.fail(BadSettings("The profile has no key: add key_file.")))
    data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    (data_dir / PID).write_text(str(os.getpid()))
    settings = Settings(
        nats_url=profile.nats_url,
        nats_creds_file=profile.creds_file,
        key_file=profile.key_file,
        deployment_file=profile.deployment_file,
        data_dir=data_dir,
        models_dir=models_dir,
        region=region,
        network=network,
        slots=slots,
    )
    try:
        launch(settings)
    finally:
        (data_dir / PID).unlink(missing_ok=True)


def status(context: typer.Context) -> None:
    """Show what the network says of this verifier."""

    async def work(out: Output) -> None:
        async with Assay.connect(Profile.find(out.profile)) as assay:
            own = participant_id(Role.VERIFIER, assay.key.address)
            found = [v for v in (await assay.network()).get("verifiers", []) if v["verifier"] == own]
            out.show(found[0] if found else {"verifier": own, "state": "unknown", "bond_needed": BOND_PER_VERIFIER})

    output.run(context, work)


def drain(context: typer.Context, data_dir: DataDir = DATA_DIR) -> None:
    """Tell the verifier here to answer the audits in hand, withdraw and stop."""

    async def work(out: Output) -> None:
        try:
            pid = int((data_dir / PID).read_text())
            os.kill(pid, signal.SIGTERM)
        except (FileNotFoundError, ProcessLookupError, ValueError):
            raise BadSettings(f"No verifier runs in {data_dir}.") from None
        out.show({"pid": pid, "drain": "asked"}, lambda: f"asked {pid} to drain")

    output.run(context, work)
