"""The `assay` command. Other packages add commands through the entry point group `assay.commands`."""

import sys
from importlib.metadata import entry_points
from pathlib import Path
from typing import Annotated

import typer

from assay.client.commands import (
    access,
    audits,
    chain,
    claims,
    data,
    dead,
    epochs,
    events,
    federate,
    gov,
    jobs,
    keys,
    outbox,
    plans,
    receipts,
    render,
    rewards,
    serve,
    slashes,
    stake,
    train,
    treasury,
    wallet,
)
from assay.client.output import Output
from assay.schema.errors import AssayError

app = typer.Typer(
    name="assay",
    help="An open market for AI compute in which every result is proven before it is paid.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


@app.callback()
def options(
    context: typer.Context,
    profile: Annotated[Path | None, typer.Option(help="Folder with profile.json: who you are, and where.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON for scripts.")] = False,
) -> None:
    """Options that every command takes."""
    context.obj = Output(is_json=json, profile=profile)


money = (wallet, epochs, stake, slashes, rewards, treasury, gov, chain, claims)
for part in (
    jobs,
    serve,
    train,
    federate,
    plans,
    render,
    data,
    events,
    audits,
    receipts,
    keys,
    access,
    dead,
    outbox,
    *money,
):
    part.register(app)
for point in entry_points(group="assay.commands"):
    point.load()(app)


def main() -> None:
    """Run the command line. `--json` may stand anywhere on it."""
    words = sys.argv[1:]
    if "--json" in words[1:]:
        words = ["--json", *(word for word in words if word != "--json")]
    try:
        app(words)
    except AssayError as error:
        # Of an option that cannot be read, before the command itself has begun.
        sys.exit(Output(is_json="--json" in words).fail(error))
