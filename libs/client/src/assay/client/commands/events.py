"""Events: what happens on the network, as any observer can read it."""

from functools import partial
from typing import Annotated, Any

import typer

from assay.client import output
from assay.client.output import Output
from assay.client.profile import Profile
from assay.client.sdk import Assay
from assay.client.watching import line_of, sentence_of
from assay.schema.event import Envelope


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("events")(events)
    app.command("network")(network)


def events(
    context: typer.Context,
    follow: Annotated[bool, typer.Option("--follow", help="Stay, and print what happens.")] = False,
    since: Annotated[int, typer.Option(help="Start after this cursor; 0 is the beginning.")] = 0,
) -> None:
    """Print the public events, oldest first, each with its cursor."""

    async def work(out: Output) -> None:
        async with Assay.connect(Profile.find(out.profile)) as assay:
            async for cursor, said in assay.numbered_events(since, follow):
                line = {"cursor": cursor} | line_of(said)
                out.show(line, partial(numbered, cursor, said))

    output.run(context, work)


def numbered(cursor: int, said: Envelope[Any]) -> str:
    """An event for people, with its cursor."""
    return f"{cursor:>6} {sentence_of(said)}"


def shown_of(provider: dict[str, Any]) -> dict[str, Any]:
    """What its offer claims and what its machine has shown, in cost units a second; nothing before a challenge."""
    found = provider.get("measured")
    return {"claimed": found["claimed"], "measured": found["units_per_s"]} if found else {"measured": "not yet"}


def network(context: typer.Context) -> None:
    """List providers and their offers."""

    async def work(out: Output) -> None:
        async with Assay.connect(Profile.find(out.profile)) as assay:
            found = await assay.network()
            columns = ("provider", "state", "region", "slots", "price", "reputation", "claimed", "measured")
            rows = [[(p | shown_of(p)).get(name, "") for name in columns] for p in found["providers"]]
            out.show(found, lambda: output.table("providers", columns, rows))

    output.run(context, work)
