"""What is one's own and not paid out: payments of final epochs, rewards of posted periods; and how to claim each."""

import asyncio
from pathlib import Path
from typing import Any

import typer

from assay.chain.governed import rewards
from assay.chain.governed.acts import Node
from assay.chain.governed.reward_head import Head
from assay.chain.governed.rewards import Posted
from assay.chain.words import normal
from assay.client import output
from assay.client.commands import reward_proof, said, wallet
from assay.client.commands.governing import governed
from assay.client.commands.said import From
from assay.client.output import Output
from assay.schema.errors import Retry, Unreachable

UNKNOWN = "not known: the network is out of reach"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("claims")(claims)


def claims(context: typer.Context, kept: From = None) -> None:
    """Show what you can claim now, of payments and of rewards, and by which command.

    Amounts are in base units: of the stable token for payments, of the native one for rewards. null is not known: the
    network is out of reach.
    """

    async def work(out: Output) -> None:
        async with governed(out) as (node, key):
            whose = normal(key.address)
            payments = {"amount": await payments_due(out, node, whose, kept), "how": "assay wallet claim"}
            due = await rewards_due(out, node, whose, kept)
        body = {"address": whose, "payments": payments, "rewards": due}
        rows = [("payments", written(payments["amount"], output.stable), payments["how"])]
        rows += [
            (f"rewards of period {row['period']}", written(row["amount"], output.native), row["how"]) for row in due
        ]
        out.show(body, lambda: output.table(f"claims of {whose}", ("what", "amount", "claimed by"), rows))

    output.run(context, work)


def written(amount: Any, of: Any) -> str:
    """An amount for people."""
    return UNKNOWN if amount is None else str(of(amount))


async def payments_due(out: Output, node: Node, whose: str, kept: Path | None) -> int | None:
    """What final epochs of payments credit and nobody has paid out; None if the network is out of reach."""
    try:
        return (await wallet.due(out, node, whose, kept)).amount
    except (Retry, Unreachable):
        return None


async def rewards_due(out: Output, node: Node, whose: str, kept: Path | None) -> list[dict[str, Any]]:
    """What each period that can be claimed by now earned somebody that was not paid it."""
    head, now_s = await rewards.head(node), (await node.block()).timestamp
    numbers = range(1, head.posted + 1)
    posted = await asyncio.gather(*(rewards.period_of(node, number) for number in numbers))
    claimed = await asyncio.gather(*(rewards.is_claimed(node, number, whose) for number in numbers))
    open_ = {
        number: period
        for number, period, was_paid in zip(numbers, posted, claimed, strict=True)
        if not was_paid and 0 < period.claimable_from <= now_s
    }
    earned = await earned_in(out, head, open_, whose, kept)
    return [
        {"period": number, "amount": amount, "how": f"assay rewards claim {number}"}
        for number, amount in earned.items()
        if amount != 0
    ]


async def earned_in(
    out: Output, head: Head, periods: dict[int, Posted], whose: str, kept: Path | None = None
) -> dict[int, int | None]:
    """What somebody earned in each of these periods, made of the public events; None if they are out of reach."""
    try:
        events = await said.said_in_public(out, kept) if periods else []
    except (Retry, Unreachable):
        return dict.fromkeys(periods)
    earned: dict[int, int | None] = {}
    for number, posted in periods.items():
        made = reward_proof.made_of(events, head, number, posted)
        rows = zip(made.leaves, made.rewards, strict=True)
        earned[number] = sum(reward for leaf, reward in rows if normal(leaf.provider) == whose)
    return earned
