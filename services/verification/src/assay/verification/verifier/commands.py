"""The commands that a verifier adds to `assay`: verifier start, status, drain, calibrate."""

from pathlib import Path
from typing import Annotated

import typer

from assay.client import output
from assay.client.output import Output
from assay.client.profile import Profile
from assay.client.sdk import Assay
from assay.client.worker import drain as drain_worker
from assay.client.worker import starting
from assay.schema.values import BOND_PER_VERIFIER, Role, participant_id
from assay.verification.verifier.calibrate import calibrate

DataDir = Annotated[Path, typer.Option(help="Journal and scratch.")]
DATA_DIR = Path("var/verifier")


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(help="Check others' work with this machine.", no_args_is_help=True)
    group.command("start")(start)
    group.command("status")(status)
    group.command("drain")(drain)
    group.command("calibrate")(calibrate)
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
    with starting(context, data_dir) as known:
        from assay.verification.verifier.launch import launch
        from assay.verification.verifier.settings import Settings

        launch(Settings(**known, models_dir=models_dir, region=region, slots=slots, network=network))


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
    drain_worker(context, data_dir)
