"""Keys: make one. Whoever has it is the participant of its address."""

from pathlib import Path
from typing import Annotated

import typer

from assay.bus.keyfile import make_key
from assay.client import output
from assay.client.errors import BadInput
from assay.client.output import Output
from assay.schema.values import Role, participant_id

ROLES = (Role.REQUESTER, Role.PROVIDER, Role.VERIFIER)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(help="Secret keys.", no_args_is_help=True)
    group.command("new")(new)
    app.add_typer(group, name="key")


def new(
    context: typer.Context,
    to: Annotated[Path, typer.Option(help="The file to write; only you may read it (0600).")] = Path("key"),
) -> None:
    """Make a key, and print its address and the ids that it gives. Keep a copy: nobody can make it again."""

    async def work(out: Output) -> None:
        if to.exists():
            raise BadInput(f"There is a file {to} already: name another, a key is never written over.")
        address = make_key(to).address
        ids = {role.value: participant_id(role, address) for role in ROLES}
        rows = [("address", address), *((f"id as a {role}", id_) for role, id_ in ids.items())]
        out.show({"file": to, "address": address, "ids": ids}, lambda: output.table(str(to), ("", ""), rows))

    output.run(context, work)
