"""Epochs of payments: what one charges, and whether its root is what was said in public, by nobody's word."""

from collections.abc import Iterator, Sequence
from typing import Annotated, Any

import typer

from assay.chain import Chain
from assay.client import output
from assay.client.commands import doubts
from assay.client.commands.checked import BROKEN, show_checks
from assay.client.commands.said import From, domain_of, said_in_public
from assay.client.commands.sending import reached
from assay.client.doubting import case_of
from assay.client.output import Output
from assay.client.standing import read_epoch
from assay.proof.eip712 import Domain
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
    for command in doubts.COMMANDS:
        group.command(command.__name__)(command)
    app.add_typer(group, name="epoch")


def show(context: typer.Context, number: Number, kept: From = None) -> None:
    """Show what an epoch of payments charges, whom, for what, and how far it has come."""

    async def work(out: Output) -> None:
        found = find(domain_of(out), await said_in_public(out, kept), number)
        steps = list(steps_of(found))
        posted = found.posted.model_dump(mode="json", exclude={"steps"})
        out.show({**posted, "is_final": found.is_final, "steps": steps}, lambda: draw(found, steps))

    output.run(context, work)


def verify(context: typer.Context, number: Number, kept: From = None) -> None:
    """Make an epoch's roots from the public events alone and compare them with the chain; exit code 1 if wrong."""

    async def work(out: Output) -> bool:
        said = await said_in_public(out, kept)
        found = find(domain_of(out), said, number)
        async with reached(out) as chain:
            checks = [check_said(found), await check_chain(chain, found), await check_rules(chain, said, number)]
        body = {"number": number, "is_final": found.is_final}
        return show_checks(out, f"epoch {number} of payments", body, checks)

    if not output.run(context, work):
        raise typer.Exit(BROKEN)


def find(domain: Domain, said: Sequence[Event], number: int) -> Found:
    """The epoch that stands under a number, made again from all public events. Raises Refused: payment.unknown."""
    for found in verify_epochs(domain, said):
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


async def check_rules(chain: Chain, said: Sequence[Event], number: int) -> Check:
    """Whether no rule is broken, and if one is, or a step is unknown, the command that has the epoch void."""
    try:
        case = await case_of(chain, verify_epochs(chain.deployment.domain, said), number)
    except Refused as refusal:
        return Check("rules", False, refusal.detail)
    if not case.is_as_said and not case.doubts:
        return Check("rules", True, "Each step that is not as it was said was shown, with its signatures.")
    signed = f"No step breaks one. Signatures are shown on demand: `assay epoch demand {number} --step INDEX`."
    fault = doubts.advice(case)
    return Check("rules", not fault, fault or signed)


def steps_of(found: Found) -> Iterator[dict[str, Any]]:
    """The steps of an epoch: what was charged to whom, for whom."""
    for job in found.jobs:
        for turn, charge in enumerate(charges_of(job.settlement)):
            who = {"requester": charge.requester, "provider": charge.provider}
            step = job.step + turn
            yield {
                "step": step,
                "index": step - found.posted.first_step,
                "about": job.about,
                **who,
                "amount": charge.amount,
                "fee": charge.fee,
            }


def draw(found: Found, steps: Sequence[dict[str, Any]]) -> object:
    """An epoch for people."""
    posted, state = found.posted, "final" if found.is_final else "can be doubted"
    title = f"epoch {posted.number} of payments: {state}, posted {output.moment(posted.posted_at)} in {posted.tx}"
    columns = ("step", "index", "about", "requester", "provider", "amount", "fee")
    written = [step | {name: output.stable(step[name]) for name in ("amount", "fee")} for step in steps]
    return output.table(title, columns, [[row[name] for name in columns] for row in written])
