"""Dead letters: events that a service could never handle. For the operator."""

import json
from typing import Annotated

import typer

from assay.client import output
from assay.client.commands.asking import ask_service
from assay.client.output import Output


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(help="Events that could not be handled (operator).", no_args_is_help=True)
    group.command("list")(list_dead)
    group.command("show")(show)
    group.command("replay")(replay)
    app.add_typer(group, name="dead")


Service = Annotated[str, typer.Argument(help="discovery, matching, verification, settlement or gateway")]


def list_dead(context: typer.Context, service: Service) -> None:
    """List a service's dead letters, newest first."""

    async def work(out: Output) -> None:
        found = await ask_service(out, service, "dead_list", {})
        rows = [(d["event_id"], d["subject"], d["code"], d["cause"][:60]) for d in found["letters"]]
        columns = ("event", "subject", "code", "cause")
        out.show(found["letters"], lambda: output.table(f"dead in {service}", columns, rows))

    output.run(context, work)


def show(context: typer.Context, service: Service, event_id: str) -> None:
    """Show one dead letter whole."""

    async def work(out: Output) -> None:
        found = await ask_service(out, service, "dead_show", {"id": event_id})
        out.show(found, lambda: json.dumps(found, indent=2))

    output.run(context, work)


def replay(context: typer.Context, service: Service, event_id: str) -> None:
    """Give a dead letter back to the service, once its cause is mended."""

    async def work(out: Output) -> None:
        found = await ask_service(out, service, "dead_replay", {"id": event_id})
        out.show(found, lambda: f"given back: {event_id}")

    output.run(context, work)
