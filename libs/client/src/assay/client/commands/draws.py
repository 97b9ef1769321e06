"""The draw of an epoch, repeated by whoever likes: from the public events, a node of the chain, and nobody's word."""

from typing import Annotated

import typer

from assay.chain import Chain
from assay.client import output
from assay.client.commands.checked import BROKEN, show_checks
from assay.client.commands.sending import reached
from assay.client.output import Output
from assay.client.profile import Profile
from assay.client.sdk import Assay
from assay.proof.pool import read_entries
from assay.proof.redraw import Told, checks_of, told_of
from assay.proof.report_reading import Check
from assay.schema.epoch import EpochCommitted, EpochEntry
from assay.schema.errors import Reject
from assay.schema.values import address_of


def draw(
    context: typer.Context,
    epoch_id: Annotated[str, typer.Argument(metavar="EPOCH", help="The epoch's id, as `assay events` names it.")],
) -> None:
    """Repeat the draw of a provider's epoch from the public events and the chain; exit code 1 if it is another."""

    async def work(out: Output) -> bool:
        async with Assay.connect(Profile.find(out.profile)) as assay, reached(out) as chain:
            told = told_of([each.event async for each in assay.events(follow=False)], epoch_id)
            try:
                checks = [await check_chain(chain, told), *await repeated(assay, chain, told)]
            except Reject as error:
                checks = [Check("entries", False, error.detail)]
        drawn = [each.model_dump(mode="json") for each in told.drawn.drawn]
        body = {"epoch_id": epoch_id, "seed": told.drawn.seed, "drawn": drawn}
        return show_checks(out, f"the draw of epoch {told.closed.number} of {told.closed.provider}", body, checks)

    if not output.run(context, work):
        raise typer.Exit(BROKEN)


async def repeated(assay: Assay, chain: Chain, told: Told) -> tuple[Check, ...]:
    """The steps of the draw, with all leases of the epoch. Raises Reject, Refused, ChainError."""
    block = await chain.block(told.drawn.block)
    return checks_of(told, await entries_of(assay, told), block.hash, assay.domain)


async def entries_of(assay: Assay, told: Told) -> tuple[EpochEntry, ...]:
    """All leases of the epoch, from its event or from the blob that it names. Raises Reject, Refused."""
    if isinstance(told.closed, EpochCommitted):
        return told.closed.entries
    return read_entries(await assay.door.blobs.get(told.closed.entries), told.closed).entries


async def check_chain(chain: Chain, told: Told) -> Check:
    """Whether the contract has the root under the epoch's number."""
    root = (await chain.root_of(address_of(told.closed.provider), told.closed.number)).hex()
    if root == told.closed.root:
        return Check("chain", True, f"The contract holds {root[:16]}…, the root of this very epoch.")
    return Check("chain", False, f"The contract holds {root[:16]}…, the epoch has {told.closed.root[:16]}….")
