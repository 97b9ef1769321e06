"""What was said in public: by the network's own word, or by a file that somebody kept of it."""

from pathlib import Path
from typing import Annotated

import typer

from assay.chain import Deployment
from assay.client.kept import read_kept
from assay.client.output import Output
from assay.client.profile import Profile
from assay.client.sdk import Assay
from assay.proof.eip712 import Domain
from assay.schema.event import Event

From = Annotated[
    Path | None,
    typer.Option("--from", help="A file of what `assay events --json` printed, in place of a network that is gone."),
]


async def said_in_public(out: Output, kept: Path | None = None) -> list[Event]:
    """All public events, oldest first: those of a file if one is named. Raises Unreachable, BadSettings."""
    if kept:
        return read_kept(kept)
    async with Assay.connect(Profile.find(out.profile)) as assay:
        return [each.event async for each in assay.events(follow=False)]


def domain_of(out: Output) -> Domain:
    """The contracts that the profile's network is paid by. Raises BadSettings."""
    return Deployment.load(Profile.find(out.profile).deployment_file).domain
