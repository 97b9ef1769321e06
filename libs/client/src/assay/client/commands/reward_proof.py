"""A period of rewards, made again from what was said in public, and held to what the chain has."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from assay.chain.governed import rewards
from assay.chain.governed.acts import Node
from assay.chain.governed.reward_head import Head
from assay.chain.governed.rewards import Posted
from assay.chain.words import normal
from assay.client import output
from assay.client.commands.governing import governed
from assay.client.commands.said import From, said_in_public
from assay.client.output import Output
from assay.proof.reward_inputs import period_by
from assay.proof.rewards import Entry, Period, root_of
from assay.schema.errors import Refused
from assay.schema.event import Event

BROKEN = 1


def verify(
    context: typer.Context,
    period: Annotated[int, typer.Argument(help="Which period.", min=1)],
    kept: From = None,
) -> None:
    """Make a period's root from the public events alone and compare it with the chain; exit code 1 if wrong."""

    async def work(out: Output) -> bool:
        async with governed(out) as (node, _):
            posted, head = await rewards.period_of(node, period), await rewards.head(node)
            made = await said_period(out, head, period, posted, kept)
            right = holds(node, made, posted)
        rows = [
            {"provider": leaf.provider, **leaf.inputs._asdict(), "earns": earns}
            for leaf, earns in zip(made.leaves, made.rewards, strict=True)
        ]
        body = {"number": period, "holds": right, "network": made.network, "total": made.total, "rows": rows}
        out.show(body, lambda: draw(period, right, rows))
        return right

    if not output.run(context, work):
        raise typer.Exit(BROKEN)


async def said_period(out: Output, head: Head, number: int, posted: Posted, kept: Path | None) -> Period:
    """A posted period, made of all public events. Raises Refused: reward.unknown."""
    if not posted.claimable_from:
        raise Refused("reward.unknown", f"Period {number} was not posted, or was voided.")
    return made_of(await said_in_public(out, kept), head, number, posted)


def made_of(said: Sequence[Event], head: Head, number: int, posted: Posted) -> Period:
    """A posted period, made of these events. Raises Refused: payment.unproven if a verdict is not among them."""
    try:
        return period_by(said, number, head.start, head.period_s, posted.emission, posted.terms)
    except KeyError as lease:
        raise Refused(
            "payment.unproven", f"Period {number} pays for lease {lease}, of which no verdict is told."
        ) from None


def holds(node: Node, made: Period, posted: Posted) -> bool:
    """Whether the chain has this very period."""
    sums = (root_of(rewards.domain_of(node), made), made.network, made.total)
    return sums == (posted.root, posted.network, posted.total)


def entries(made: Period) -> list[Entry]:
    """A period's rows, with addresses as the chain writes them."""
    return [Entry(normal(leaf.provider), leaf.place, leaf.inputs) for leaf in made.leaves]


def draw(number: int, right: bool, rows: list[dict[str, Any]]) -> object:
    """A period for people."""
    said = "is what was said in public" if right else "IS NOT what was said in public"
    money = [[output.native(row[name]) for name in ("stake", "earns")] for row in rows]
    written = [[row["provider"], row["verified"], *sums] for row, sums in zip(rows, money, strict=True)]
    return output.table(f"period {number} {said}", ("provider", "units", "least stake", "earns"), written)
