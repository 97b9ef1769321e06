"""Accusations: see how one stands, contest it with evidence, rule on an appeal, and end what has waited."""

from pathlib import Path
from typing import Annotated, cast

import typer

from assay.chain.governed import slashing
from assay.chain.governed.accusations import accusation_id
from assay.chain.governed.acts import Act, Node, do
from assay.chain.governed.purses import Loss
from assay.chain.governed.refusals import moment
from assay.chain.governed.trail import Trail, trail_of
from assay.client import output
from assay.client.commands.evidence import shown, uploaded
from assay.client.commands.governing import account, act, governed
from assay.client.commands.sending import reached
from assay.client.output import Output
from assay.proof.keys import Key
from assay.schema.values import job_word


def digest(text: str) -> bytes:
    """32 bytes by their hex digits. Raises BadParameter."""
    try:
        raw = bytes.fromhex(text.removeprefix("0x"))
    except ValueError:
        raw = b""
    if len(raw) != 32:
        raise typer.BadParameter(f"{text!r} is not 64 hex digits.")
    return raw


def loss(text: str) -> Loss:
    """A victim and what it lost: an address or id, `=`, base units of the native token. Raises BadParameter."""
    who, _, amount = text.partition("=")
    if not amount.isdecimal():
        raise typer.BadParameter(f"{text!r} is no ADDRESS=UNITS.")
    return Loss(account(who), int(amount))


Accusation = Annotated[bytes, typer.Argument(help="Which, as `slash.proposed` names it.", parser=digest)]
Evidence = Annotated[
    bytes | None, typer.Option(help="Its digest, if it is stored already: a receipt, say.", parser=digest)
]
File = Annotated[Path | None, typer.Option("--file", help="What shows it; it is uploaded, and everybody can read it.")]
Grounds = Annotated[bytes, typer.Option(help="Digest of why.", parser=digest)]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(help="Accusations that stake answers for.", no_args_is_help=True)
    for command in (show, accuse, appeal, rule, execute, lapse, share):
        group.command(command.__name__)(command)
    app.add_typer(group, name="slash")


def show(context: typer.Context, accusation: Accusation) -> None:
    """Show how an accusation stands, until when, and what both sides bring: the texts behind the digests on chain."""

    async def work(out: Output) -> None:
        async with reached(out) as chain:
            found = await chain.proposal_of(accusation)
            trail = await trail_of(cast(Node, chain), accusation) if found.phase else Trail()
        brought = await shown(out, trail)
        phase = found.phase.name.lower()
        rows = [("accused", found.accused), ("phase", phase), ("until", moment(found.until) if found.until else "")]
        rows += [(name, output.native(getattr(found, name))) for name in ("own", "backing", "bond")]
        body = {"accusation": accusation.hex(), "accused": found.accused, "phase": phase, "until_s": found.until}
        body |= {"own": found.own, "backing": found.backing, "bond": found.bond, "evidence": brought}
        if found.loss:
            body |= {"victim": found.victim, "loss": found.loss}
            rows += [("victim", found.victim), ("its loss", output.native(found.loss))]
        for side, each in brought.items():
            rows += [(side, each["digest"]), ("", each.get("text") or each.get("missing", ""))]
        out.show(body, lambda: output.table(accusation.hex(), ("what", "is"), rows))

    output.run(context, work)


def accuse(
    context: typer.Context,
    dispute: Annotated[str, typer.Argument(help="The dispute that the contract judged.")],
    worker: Annotated[str, typer.Argument(help="Who was found wrong, by address or id.", parser=account)],
    challenger: Annotated[str, typer.Argument(help="Who had challenged it, by address or id.", parser=account)],
) -> None:
    """Accuse a worker whom the judge on chain ruled wrong. Anyone may; settlement executes it as any other."""
    offence = job_word(dispute)

    async def choose(node: Node, _: Key) -> list[Act]:
        return [slashing.propose_ruled(node, offence, worker, challenger)]

    act(context, choose, "it is accused", accusation=accusation_id(worker, offence).hex())


def appeal(context: typer.Context, accusation: Accusation, evidence: Evidence = None, file: File = None) -> None:
    """Contest an accusation of you, with a bond that comes back unless the appeal is rejected."""

    async def work(out: Output) -> None:
        if (evidence is None) == (file is None):
            raise typer.BadParameter("Name a --file, or the --evidence that is stored already.")
        brought = evidence or await uploaded(out, cast(Path, file))
        async with governed(out) as (node, key):
            bond = await slashing.appeal_bond(node)
            receipt = await do(node, key, *slashing.appeal(node, accusation, brought, bond))
        body = {"tx": "0x" + receipt.tx_hash.hex(), "accusation": accusation.hex(), "evidence": brought.hex()}
        out.show(body, lambda: "it waits for an arbiter; silence frees you")

    output.run(context, work)


def rule(
    context: typer.Context,
    accusation: Accusation,
    grounds: Grounds,
    is_upheld: Annotated[bool, typer.Option("--uphold/--reject", help="Whether the appeal prevails.")],
) -> None:
    """Rule on an appeal; for an arbiter, while its window is open."""

    async def choose(node: Node, _: Key) -> list[Act]:
        return [slashing.rule(node, accusation, is_upheld, grounds)]

    said = "nothing is slashed" if is_upheld else "it can be slashed now"
    act(context, choose, said, accusation=accusation.hex(), is_upheld=is_upheld)


def execute(context: typer.Context, accusation: Accusation) -> None:
    """Have stake taken that nobody appealed for, or in vain. Anyone may; settlement does."""

    async def choose(node: Node, _: Key) -> list[Act]:
        return [slashing.execute(node, accusation)]

    act(context, choose, "it is slashed", accusation=accusation.hex())


def lapse(context: typer.Context, accusation: Accusation) -> None:
    """Dismiss what was not ruled on, or not executed, in time. Anyone may; settlement does."""

    async def choose(node: Node, _: Key) -> list[Act]:
        return [slashing.lapse(node, accusation)]

    act(context, choose, "it is dismissed", accusation=accusation.hex())


def share(
    context: typer.Context,
    accusation: Accusation,
    victims: Annotated[list[Loss], typer.Argument(help="ADDRESS=UNITS, as `slash.proposed` has them.", parser=loss)],
) -> None:
    """Have a refund shared among several victims, as far as it has been paid. Anyone may; settlement does."""

    async def choose(node: Node, _: Key) -> list[Act]:
        return [slashing.share(node, accusation, sorted(victims, key=lambda each: int(each.victim, 16)))]

    act(context, choose, "what has arrived is shared", accusation=accusation.hex())
