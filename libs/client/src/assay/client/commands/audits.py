"""Audits: what the proof of an epoch takes, computed here (only stakes are read from a chain), and its draw."""

from dataclasses import replace
from typing import Annotated, TypeAlias

import typer
from rich.console import Group

from assay.client import output
from assay.client.commands import draws, stakes
from assay.client.commands.proof_price import body_of, draw_plan, open_in_words, open_s
from assay.client.commands.stakes import NativePrice
from assay.client.output import Output
from assay.proof.economics import MILLION
from assay.proof.policy import (
    Budget,
    Classes,
    Confidentiality,
    Numerics,
    Reputation,
    Terms,
    Work,
    choose,
    worth_of,
)

DECIMALS = 10**6
Shown: TypeAlias = Annotated[Confidentiality, typer.Option(help="What a drawn verifier may be shown.")]
Hourly: TypeAlias = Annotated[
    int | None, typer.Option(help="Segments that the provider closes in an hour: says how long it waits.", min=1)
]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(help="What proof takes and what it is worth.", no_args_is_help=True)
    group.command("plan")(plan)
    group.command("draw")(draws.draw)
    app.add_typer(group, name="audit")


def plan(
    context: typer.Context,
    units: Annotated[int, typer.Option(help="Segments of equal cost in the provider's epoch.", min=1, max=10**9)],
    falsified: Annotated[float, typer.Option(help="Share of them that must not go unnoticed.", min=1e-4, max=1)] = 0.05,
    detection: Annotated[float, typer.Option(help="How surely it is noticed.", min=0.01, max=0.999999)] = 0.99,
    pay: Annotated[int, typer.Option(help="The epoch's pay that is held, base units.", min=1)] = 1000 * DECIMALS,
    stake: Annotated[int | None, typer.Option(help="Stake in the pay's unit (default: twice the pay).", min=0)] = None,
    stake_of: Annotated[str | None, typer.Option(help="A provider: its stake is read from the chain instead.")] = None,
    native_price: NativePrice = 0,
    saved: Annotated[float, typer.Option(help="Share of its pay that a cheat saves.", min=0, max=1)] = 1.0,
    work: Annotated[Work, typer.Option(help="What kind of work.")] = Work.TRAINING,
    numerics: Annotated[Numerics, typer.Option(help="How it computes.")] = Numerics.FLOAT32,
    owners: Annotated[int, typer.Option(help="Other owners of the same class of machine.", min=0)] = 3,
    passed_epochs: Annotated[int, typer.Option(help="Epochs passed since the last fault.", min=0)] = 8,
    attested: Annotated[bool, typer.Option(help="The machine attests what it runs: half the draws.")] = False,
    confidentiality: Shown = Confidentiality.OPEN,
    budget: Annotated[float, typer.Option(help="Most that the proof may cost of the compute.", min=0, max=1)] = 0.01,
    margin: Annotated[int, typer.Option(help="How many times over a cheat must lose.", min=1, max=100)] = 3,
    hourly: Hourly = None,
) -> None:
    """Say which check, how many draws, what they find, what stands at risk and what it costs."""
    shares = {"falsified_ppm": round(falsified * MILLION), "detection_ppm": round(detection * MILLION)}
    risk = {"pay": pay, "stake": 2 * pay if stake is None else stake, "saved_ppm": round(saved * MILLION)}
    terms = Terms(units, **risk, work=work, numerics=numerics, **shares)
    machines = Classes(owners, attested_ppm=MILLION // 2 if attested else MILLION)

    async def show(out: Output) -> None:
        limits = Budget(share_ppm=round(budget * MILLION), margin=margin)
        held = await stakes.stake_of(out, stake_of, native_price) if stake_of else None
        given = replace(terms, stake=worth_of(held)) if stake_of else terms
        found = choose(given, Reputation(passed_epochs), machines, confidentiality, limits)
        body = body_of(found) | ({"stake_behind": stakes.body_of_stake(held)} if stake_of else {})
        behind = [f"stake: {stakes.stake_in_words(held)}"] if stake_of else []
        waits = {"open_s": open_s(found, hourly)} if hourly else {}
        out.show(body | waits, lambda: Group(*behind, draw_plan(found, *map(open_in_words, waits.values()))))

    output.run(context, show)
