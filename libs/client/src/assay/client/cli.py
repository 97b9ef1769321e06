"""The `assay` command. Other packages add commands through the entry point group `assay.commands`."""

import sys
from importlib.metadata import entry_points
from pathlib import Path
from typing import Annotated

import typer
from typer.exceptions import TyperException

from assay.client.commands import (
    access,
    audits,
    chain,
    checkpoints,
    claims,
    data,
    dead,
    epochs,
    events,
    federate,
    gov,
    jobs,
    keys,
    models,
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
from assay.client.errors import BadInput
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
    checkpoints,
    models,
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
    is_json = "--json" in words
    try:
        # People are shown how the command is used; a script reads what is wrong as any other error.
        ended = app(words, standalone_mode=not is_json)
    except TyperException as error:
        ended = Output(is_json=is_json).fail(BadInput(error.format_message()))
    except AssayError as error:
        # Of an option that cannot be read, before the command itself has begun.
        ended = Output(is_json=is_json).fail(error)
    sys.exit(ended)
