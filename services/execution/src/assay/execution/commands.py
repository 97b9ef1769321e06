"""The commands that a worker adds to `assay`: provider start, status, drain."""

from pathlib import Path
from typing import Annotated, Any

import typer

from assay.bus.feed import replayed
from assay.bus.keyfile import load_key
from assay.client import output
from assay.client.errors import BadInput, BadProfile
from assay.client.output import Output
from assay.client.profile import Profile
from assay.client.sdk import Assay
from assay.client.worker import drain as drain_worker
from assay.client.worker import starting
from assay.execution.confinement import noted
from assay.schema.event import decode
from assay.schema.offer import OfferDelisted, OfferRefused
from assay.schema.values import NO_DIGEST, Role, participant_id

DataDir = Annotated[Path, typer.Option(help="Journal, cache and checkpoints.")]
DATA_DIR = Path("var/provider")
PrivateDir = Annotated[Path, typer.Option(help="Data sets that never leave this machine.")]
PRIVATE_DIR = Path("var/private")


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(help="Offer this machine's hardware.", no_args_is_help=True)
    group.command("start")(start)
    group.command("status")(status)
    group.command("drain")(drain)
    group.command("hold")(hold)
    group.command("binding")(binding)
    app.add_typer(group, name="provider")


def start(
    context: typer.Context,
    data_dir: DataDir = DATA_DIR,
    models_dir: Annotated[Path, typer.Option(help="The model store.")] = Path("var/models"),
    private_dir: PrivateDir = PRIVATE_DIR,
    region: Annotated[str, typer.Option(help="ISO 3166 code of the machine's country.")] = "de",
    slots: Annotated[int, typer.Option(help="Leases held at a time; each needs stake.", min=1)] = 1,
    mega_unit_price: Annotated[int, typer.Option(help="Price of a million cost units, in base units.")] = 20_000_000,
    attestation: Annotated[Path | None, typer.Option(help="A recorded report of this machine, as JSON.")] = None,
) -> None:
    """Run a worker here until Ctrl-C, which drains it. More knobs: ASSAY_EXECUTION_*."""
    with starting(context, data_dir) as known:
        from assay.execution.launch import launch
        from assay.execution.settings import Settings

        settings = Settings(
            **known,
            models_dir=models_dir,
            private_dir=private_dir,
            region=region,
            slots=slots,
            mega_unit_price=mega_unit_price,
            attestation_file=attestation,
        )
        launch(settings)


def hold(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="The name by which offers call it.")],
    file: Annotated[Path, typer.Argument(help="Lines of comma-separated numbers, a class last; or .npz of x and y.")],
    private_dir: PrivateDir = PRIVATE_DIR,
    epsilon_max: Annotated[
        float | None, typer.Option(help="Most of a record's privacy that all jobs may spend; each has to be private.")
    ] = None,
    delta: Annotated[float, typer.Option(help="The δ that goes with it.")] = 1e-5,
    members_min: Annotated[int, typer.Option(help="Others who hide an update in a sum, at least.", min=0)] = 0,
    peer: Annotated[list[str] | None, typer.Option(help="Identity of a member to count on; none are any.")] = None,
) -> None:
    """Hold a data set that never leaves this machine: the worker offers it, jobs come to it and give away updates."""

    async def work(out: Output) -> None:
        from assay.execution.holding import take_in

        terms = {"epsilon_max": epsilon_max, "delta": delta, "members_min": members_min, "peers": tuple(peer or ())}
        held = take_in(private_dir, name, file, terms)
        out.show(held, lambda: f"{held.name} is {held.commitment}; its member's identity is {held.identity}")

    output.run(context, work)


def status(context: typer.Context, data_dir: DataDir = DATA_DIR) -> None:
    """Show what the network says of this provider, and what holds the jobs of the worker here."""

    async def work(out: Output) -> None:
        async with Assay.connect(Profile.find(out.profile)) as assay:
            own = participant_id(Role.PROVIDER, assay.key.address)
            found = [p for p in (await assay.network())["providers"] if p["provider"] == own]
            said = found[0] if found else {"provider": own, "state": "unlisted", **await why_unlisted(assay)}
            out.show(said | ({"sandbox": held} if (held := noted(data_dir)) else {}))

    output.run(context, work)


async def why_unlisted(assay: Assay) -> dict[str, Any]:
    """The last word of the provider's own feed on its offer, as code and reason."""
    found, cursor = {"code": "offer.none", "reason": "No offer reached the network: start the worker, read its log."}, 0
    while items := replayed(await assay.door.ask("replay", {"after": cursor, "feed": "own", "entity": "offer"})):
        cursor = items[-1].seq
        for event in (decode(item.headers, item.data).event for item in items):
            if isinstance(event, OfferRefused | OfferDelisted):
                found = {"code": event.code, "reason": event.reason}
    return found


def drain(context: typer.Context, data_dir: DataDir = DATA_DIR) -> None:
    """Tell the worker here to end the segments in hand, release its leases and stop."""
    drain_worker(context, data_dir)


def binding(
    context: typer.Context,
    challenge: Annotated[str, typer.Option(help="What the operator has reports bound to.")] = NO_DIGEST,
) -> None:
    """Print the 64 bytes that a report of this machine must carry for this provider, in hex."""

    async def work(out: Output) -> None:
        from assay.proof.attestation import binding as bound
        from assay.proof.provenance import is_digest
        from assay.workloads.machine import own_class_id

        if not is_digest(challenge):
            raise BadInput("A challenge is 64 hex digits: ask the operator for it.")
        profile, machine = Profile.find(out.profile), own_class_id()
        if profile.key_file is None:
            raise BadProfile("The profile has no key: add key_file.")
        if machine is None:
            raise BadInput("This machine states no class, and a report is bound to one.")
        own = participant_id(Role.PROVIDER, load_key(profile.key_file).address)
        text = bound(own, machine, challenge).hex()
        out.show({"provider": own, "machine": machine, "binding": text}, lambda: text)

    output.run(context, work)
