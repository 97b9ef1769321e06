"""Data: put a file, or what is at an address, into the network under its digest; have what was sealed forgotten."""

import re
from typing import Annotated, Any, Final

import typer

from assay.client import output
from assay.client.commands.jobs import job_id_of
from assay.client.output import Output
from assay.client.profile import Profile
from assay.client.sdk import Assay
from assay.schema.errors import Refused

DIGEST: Final = re.compile("[0-9a-f]{64}")


def name_of_key(text: str) -> str:
    """A digest or a job's id as it is typed. Raises BadParameter, which says where both are found."""
    if DIGEST.fullmatch(text):
        return text
    try:
        return job_id_of(text)
    except typer.BadParameter:
        said = f"{text!r} is neither a digest (64 hex digits, which `assay data add` prints) nor a job's id"
        raise typer.BadParameter(f"{said}: see `assay jobs`.") from None


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(help="Data that jobs read, by digest.", no_args_is_help=True)
    group.command("add")(add)
    group.command("forget")(forget)
    app.add_typer(group, name="data")


def add(
    context: typer.Context,
    source: Annotated[str, typer.Argument(metavar="PATH|URL", help="A file, http(s)://... or s3://bucket/name.")],
    digest: Annotated[str | None, typer.Option(help="What it must be; anything else is not put in.")] = None,
    sealed: Annotated[bool, typer.Option("--sealed", help="Seal it here: who stores it cannot read it.")] = False,
    region: Annotated[list[str] | None, typer.Option(help="Sealed: where a provider may read it (repeat).")] = None,
) -> None:
    """Put data in; prints its digest, which `-p NAME=DIGEST` of `assay submit` takes. A broken transfer goes on."""
    if (region and not sealed) or (digest and sealed):
        raise typer.BadParameter("--region goes with --sealed, and --digest without: what is sealed has a new one.")

    async def work(out: Output) -> None:
        async with Assay.connect(Profile.find(out.profile)) as assay:
            found = await (assay.add_sealed(source, region or ()) if sealed else assay.add(source, digest))
            out.show({"digest": found}, lambda: found)

    output.run(context, work)


def forget(
    context: typer.Context,
    name: Annotated[
        str,
        typer.Argument(metavar="DIGEST|JOB", help="Of data added with --sealed, or a job's id.", callback=name_of_key),
    ],
) -> None:
    """Have the key of sealed data, or of what a job made, destroyed: nobody is given it any more, whatever copies."""

    async def work(out: Output) -> None:
        async with Assay.connect(Profile.find(out.profile)) as assay:
            said = await assay.forget(await named(assay, name))
            out.show(said, lambda: in_words(said))

    output.run(context, work)


async def named(assay: Assay, name: str) -> str:
    """The name of a key: a digest, or of a job its seal. Raises Refused: key.unknown, job.unknown."""
    if DIGEST.fullmatch(name):
        return name
    if (seal := (await assay.job(name)).seal) is None:
        raise Refused("key.unknown", f"What {name} made was not sealed.")
    return seal


def in_words(said: dict[str, Any]) -> str:
    """What became of a key."""
    if said["destroyed"]:
        return "The key is destroyed."
    jobs = ", ".join(said["jobs"])
    return f"No new job may read it. The key is destroyed once nothing needs it any more{': ' + jobs if jobs else ''}."
