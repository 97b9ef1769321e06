"""Access: who may come to the door. For the operator, whose profile names the folder of the signing keys."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Annotated, TextIO

import typer

from assay.bus.accounts import Network
from assay.bus.registrar import Registrar
from assay.client import output
from assay.client.errors import BadInput, BadProfile
from assay.client.output import Output
from assay.client.profile import Profile
from assay.schema.values import PARTICIPANTS, Role

Participant = StrEnum("Participant", {role.name: role.value for role in PARTICIPANTS})  # type: ignore[misc] # read from the roles


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(help="Who may come to the door (operator).", no_args_is_help=True)
    group.command("grant")(grant)
    group.command("revoke")(revoke)
    app.add_typer(group, name="access")


def open_registrar(profile: Profile) -> Registrar:
    """The operator's hand on accounts. Raises BadSettings if the profile is not an operator's."""
    if profile.operator_dir is None or profile.admin_creds_file is None:
        raise BadProfile("Only the operator grants access: use the operator's profile.")
    return Registrar(profile.nats_url, Network.load(profile.operator_dir), profile.admin_creds_file)


def grant(
    context: typer.Context,
    role: Annotated[Participant, typer.Argument(help="What it may do.")],
    to: Annotated[Path, typer.Option(help="The credentials file to write.")],
    participant: Annotated[str, typer.Option("--id", help="The participant's id; observers need none.")] = "",
    name: Annotated[str, typer.Option(help="A name for people.")] = "third-party",
) -> None:
    """Let a participant in: writes the credentials to hand over."""

    async def work(out: Output) -> None:
        check_id(Role(role.value), participant)
        registrar = open_registrar(Profile.find(out.profile))
        with secret_file(to) as file:
            granted = await registrar.grant(Role(role.value), participant, name)
            file.write(granted.creds_text)
        out.show({"account": granted.account_public, "creds": to}, lambda: f"wrote {to} ({granted.account_public})")

    output.run(context, work)


def check_id(role: Role, participant: str) -> None:
    """Raises BadInput for an id that no participant of the role can have, before there is an account for it."""
    if role is Role.OBSERVER:
        if participant:
            raise BadInput(f"--id {participant!r}: an observer has no id, leave it out.")
    elif not re.fullmatch(f"{PARTICIPANTS[role]}[a-z2-7]{{32}}", participant):
        form = f"{PARTICIPANTS[role]} and 32 letters or digits"
        raise BadInput(f"--id {participant!r} is no {role.value}'s id ({form}): `assay key new` prints it.")


@contextmanager
def secret_file(path: Path) -> Iterator[TextIO]:
    """The file, opened before there is a secret to lose and kept only if one was written; what it held before goes."""
    had = path.exists()
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "w") as file:
        try:
            yield file
            file.truncate()
        except BaseException:
            if not had:
                path.unlink()
            raise


def revoke(context: typer.Context, account: Annotated[str, typer.Argument(help="The account's public key.")]) -> None:
    """Shut an account out, at once."""

    async def work(out: Output) -> None:
        await open_registrar(Profile.find(out.profile)).revoke(account)
        out.show({"account": account, "access": "revoked"}, lambda: f"revoked {account}")

    output.run(context, work)
