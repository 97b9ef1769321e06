"""Dead letters: events that a service could never handle. For the operator."""

import json
from typing import Annotated, Any

import typer

from assay.bus import connect
from assay.client import output
from assay.client.output import Output
from assay.client.profile import Profile
from assay.schema.errors import BadSettings


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(help="Events that could not be handled (operator).", no_args_is_help=True)
    for name, command in {"list": list_dead, "show": show, "replay": replay}.items():
        group.command(name)(command)
    app.add_typer(group, name="dead")


Service = Annotated[str, typer.Argument(help="discovery, matching, verification, settlement or gateway")]


async def ask(out: Output, service: str, question: str, body: dict[str, Any]) -> dict[str, Any]:
    """A service's answer to the operator."""
    profile = Profile.find(out.profile)
    if profile.admin_creds_file is None:
        raise BadSettings("Only the operator asks services: use the operator's profile.")
    bus = await connect(profile.nats_url, profile.admin_creds_file, "assay-cli")
    try:
        answer = await bus.ask(f"assay.ask.{service}.{question}", json.dumps(body).encode())
        found: dict[str, Any] = json.loads(answer.data)
        return found
    finally:
        await bus.close()


def list_dead(context: typer.Context, service: Service) -> None:
    """List a service's dead letters, newest first."""

    async def work(out: Output) -> None:
        found = await ask(out, service, "dead_list", {})
        rows = [(d["event_id"], d["subject"], d["code"], d["cause"][:60]) for d in found["letters"]]
        columns = ("event", "subject", "code", "cause")
        out.show(found["letters"], lambda: output.table(f"dead in {service}", columns, rows))

    output.run(context, work)


def show(context: typer.Context, service: Service, event_id: str) -> None:
    """Show one dead letter whole."""

    async def work(out: Output) -> None:
        found = await ask(out, service, "dead_show", {"id": event_id})
        out.show(found, lambda: json.dumps(found, indent=2))

    output.run(context, work)


def replay(context: typer.Context, service: Service, event_id: str) -> None:
    """Give a dead letter back to the service, once its cause is mended."""

    async def work(out: Output) -> None:
        found = await ask(out, service, "dead_replay", {"id": event_id})
        out.show(found, lambda: f"given back: {event_id}")

    output.run(context, work)
