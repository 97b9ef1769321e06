"""Data: put a file, or what is at an address, into the network under its digest."""

from typing import Annotated

import typer

from assay.client import output
from assay.client.output import Output
from assay.client.profile import Profile
from assay.client.sdk import Assay


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(help="Data that jobs read, by digest.", no_args_is_help=True)
    group.command("add")(add)
    app.add_typer(group, name="data")


def add(
    context: typer.Context,
    source: Annotated[str, typer.Argument(metavar="PATH|URL", help="A file, http(s)://... or s3://bucket/name.")],
    digest: Annotated[str | None, typer.Option(help="What it must be; anything else is not put in.")] = None,
) -> None:
    """Put data in; prints its digest, which `-p NAME=DIGEST` of `assay submit` takes. A broken transfer goes on."""

    async def work(out: Output) -> None:
        async with Assay.connect(Profile.find(out.profile)) as assay:
            found = await assay.add(source, digest)
            out.show({"digest": found}, lambda: found)

    output.run(context, work)
