"""Epochs of payments: what one charges, and whether its root is what was said in public, by nobody's word."""

from collections.abc import Iterator, Sequence
from typing import Annotated, Any

import typer

from assay.chain import Chain
from assay.client import output
from assay.client.commands.checked import BROKEN, show_checks
from assay.client.commands.sending import reached
from assay.client.output import Output
from assay.client.profile import Profile
from assay.client.sdk import Assay
from assay.client.standing import read_epoch
from assay.proof.report_reading import Check
from assay.proof.settlement import charges_of, epoch_digest
from assay.proof.settlement_events import Found, verify_epochs
from assay.schema.errors import Refused
from assay.schema.event import Event
from assay.schema.payment import PaymentVoided

Number = Annotated[
    int, typer.Argument(help="The epoch's number, as `assay job` and `assay wallet history` name it.", min=1)
]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(help="Epochs of payments.", no_args_is_help=True)
    group.command("show")(show)
    group.command("verify")(verify)
    app.add_typer(group, name="epoch")


def show(context: typer.Context, number: Number) -> None:
    """Show what an epoch of payments charges, whom, for what, and how far it has come."""

    async def work(out: Output) -> None:
        async with Assay.connect(Profile.find(out.profile)) as assay:
            found = await find(assay, number)
        steps = list(steps_of(found))
        posted = found.posted.model_dump(mode="json", exclude={"steps"})
        out.show({**posted, "is_final": found.is_final, "steps": steps}, lambda: draw(found, steps))

    output.run(context, work)


def verify(context: typer.Context, number: Number) -> None:
    """Make an epoch's roots from the public events alone and compare them with the chain; exit code 1 if wrong."""

    async def work(out: Output) -> bool:
        async with Assay.connect(Profile.find(out.profile)) as assay, reached(out) as chain:
            found = await find(assay, number)
            checks = [check_said(found), await check_chain(chain, found)]
        body = {"number": number, "is_final": found.is_final}
        return show_checks(out, f"epoch {number} of payments", body, checks)

    if not output.run(context, work):
        raise typer.Exit(BROKEN)


async def find(assay: Assay, number: int) -> Found:
    """The epoch that stands under a number, made again from all public events. Raises Refused: payment.unknown."""
    said = [each.event async for each in assay.events(follow=False)]
    for found in verify_epochs(assay.domain, said):
        if found.number == number:
            return found
    raise Refused("payment.unknown", why_none(said, number))


def why_none(said: Sequence[Event], number: int) -> str:
    """Why no epoch stands under a number."""
    voided = [event for event in said if isinstance(event, PaymentVoided) and event.number <= number]
    return f"It was voided ({voided[-1].reason}); what it charged is posted again." if voided else ""


def check_said(found: Found) -> Check:
    """Whether the roots that were posted are those of what was said."""
    posted = found.posted
    right = f"{posted.steps} steps make the root {posted.root[:16]}… and the root of steps {posted.steps_root[:16]}…"
    return Check("events", found.is_right, found.fault or right)


async def check_chain(chain: Chain, found: Found) -> Check:
    """Whether the chain holds the epoch just as it was said to be posted."""
    digest = epoch_digest(chain.deployment.domain, read_epoch(found.posted.model_dump()))
    if await chain.epoch_digest(found.number) == digest:
        return Check("chain", True, f"The contract holds {digest.hex()[:16]}…, the digest of this very epoch.")
    return Check("chain", False, "The contract holds another digest, or has forgotten it: it keeps 16,384 epochs.")


def steps_of(found: Found) -> Iterator[dict[str, Any]]:
    """The steps of an epoch: what was charged to whom, for whom."""
    for job in found.jobs:
        for turn, charge in enumerate(charges_of(job.settlement)):
            who = {"requester": charge.requester, "provider": charge.provider}
            yield {"step": job.step + turn, "about": job.about, **who, "amount": charge.amount, "fee": charge.fee}


def draw(found: Found, steps: Sequence[dict[str, Any]]) -> object:
    """An epoch for people."""
    posted, state = found.posted, "final" if found.is_final else "can be doubted"
    title = f"epoch {posted.number} of payments: {state}, posted {output.moment(posted.posted_at)} in {posted.tx}"
    columns = ("step", "about", "requester", "provider", "amount", "fee")
    written = [step | {name: output.stable(step[name]) for name in ("amount", "fee")} for step in steps]
    return output.table(title, columns, [[row[name] for name in columns] for row in written])
