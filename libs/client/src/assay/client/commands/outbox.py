"""The outbox: what a service has said, laid out again for a bus that lost it. For the operator."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from assay.client import output
from assay.client.commands.asking import ask_service
from assay.client.commands.dead import Service
from assay.client.output import Output

FORMATS = ["%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d"]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(help="What services have said (operator).", no_args_is_help=True)
    group.command("republish")(republish)
    app.add_typer(group, name="outbox")


def republish(
    context: typer.Context,
    service: Service,
    since: Annotated[datetime, typer.Option(formats=FORMATS, help="The first moment (UTC).")],
    until: Annotated[
        datetime | None, typer.Option(formats=FORMATS, help="The last moment (UTC); now if left out.")
    ] = None,
) -> None:
    """Publish again what a service said in a time: ids that are known change nothing, what was lost is heard."""

    async def work(out: Output) -> None:
        body = {"since_ms": millis(since), "until_ms": millis(until) if until else None}
        found = await ask_service(out, service, "outbox_republish", body)
        out.show(found, lambda: f"{found['events']} events of {service} are laid out again")

    output.run(context, work)


def millis(moment: datetime) -> int:
    """A moment of UTC in milliseconds since 1970."""
    return int(moment.replace(tzinfo=UTC).timestamp() * 1000)
