"""Bootstrap rewards: the formula's terms, the periods that were posted, and claiming what a period earned."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from assay.chain.errors import ChainError
from assay.chain.governed import restaking, rewards, vault
from assay.chain.governed.acts import Node, do
from assay.chain.governed.parameters import Unit
from assay.chain.governed.refusals import moment
from assay.chain.governed.reward_head import Head
from assay.chain.governed.rewards import Posted
from assay.chain.words import normal
from assay.client import output
from assay.client.commands import reward_proof, units
from assay.client.commands.governing import account, governed
from assay.client.commands.said import From
from assay.client.errors import BadInput
from assay.client.output import Output
from assay.proof.rewards import MILLION, Entry, Inputs, Period, period_of, prove, root_of
from assay.schema.event import first_problem

Weight = Annotated[int, Field(ge=0, lt=2**112)]
Whose = Annotated[
    str | None, typer.Option("--provider", help="Whose, by address or id; yours if left out.", parser=account)
]


class Row(BaseModel):
    """What a provider did in a period, as the poster publishes it: `place` is 32 bytes in hex."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    provider: str
    place: Annotated[str, Field(pattern=r"^(0x)?[0-9a-f]{64}$")]
    available: Weight
    verified: Weight
    stake: Weight

    @property
    def entry(self) -> Entry:
        """The row as the formula takes it."""
        place = bytes.fromhex(self.place.removeprefix("0x"))
        return Entry(normal(self.provider), place, Inputs(self.available, self.verified, self.stake))


class Foreign(ChainError):
    """The inputs are not those of the period."""

    code = "rewards.foreign_inputs"
    advice = "Leave --inputs out, or bring the rows of this very period, all of them and in their order."


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(help="Bootstrap rewards by a public formula.", no_args_is_help=True)
    group.command("show")(show)
    group.command("claim")(claim)
    group.command("verify")(reward_proof.verify)
    app.add_typer(group, name="rewards")


def show(
    context: typer.Context,
    period: Annotated[int | None, typer.Argument(help="One period; the last if left out.", min=1)] = None,
    provider: Whose = None,
) -> None:
    """Show what the formula asks for, what a provider's stake carries by it, and how a period stands."""

    async def work(out: Output) -> None:
        async with governed(out) as (node, key):
            whose = provider or normal(key.address)
            head = await rewards.head(node)
            number = period or head.posted
            posted = await rewards.period_of(node, number) if number else None
            carried = await carried_by(node, whose, head)
            is_claimed = bool(number) and await rewards.is_claimed(node, number, whose)
        body = {"terms": terms_body(head), "provider": whose, "carried_units": carried, "is_claimed": is_claimed}
        body |= {"period": period_body(number, posted) if posted and posted.claimable_from else None}
        rows = [*terms_rows(head, carried), *(period_rows(number, posted, is_claimed) if posted else [])]
        out.show(body, lambda: output.table(f"rewards of {whose}", ("what", "is"), rows))

    output.run(context, work)


async def carried_by(node: Node, provider: str, head: Head) -> int:
    """The cost units of a period that a provider's stake carries now, delegated stake included."""
    bond, backing = await vault.bond_of(node, provider), await restaking.backing_of(node, provider, provider)
    return (bond.active + backing.active) * MILLION // head.terms.stake_per_mega_unit


def terms_body(head: Head) -> dict[str, Any]:
    """The formula's terms for scripts."""
    return {
        **head.terms._asdict(),
        "emission": head.emission,
        "held": head.held,
        "reserved": head.reserved,
        "posted": head.posted,
        "next_at": head.next_at,
        "poster": head.poster,
        "guardian": head.guardian,
    }


def terms_rows(head: Head, carried: int) -> list[tuple[str, str]]:
    """The formula's terms for people."""
    terms = head.terms
    return [
        ("a weight is", "the least of capacity, verified work and stake, each in cost units"),
        ("work counts", f"whole from {units.plain(terms.target_ppm, 10**4)} % of capacity on"),
        ("a place gets", f"{units.plain(terms.cap_ppm, 10**4)} % at most"),
        (
            "stake carries",
            f"a million units for {units.write(Unit.NATIVE, terms.stake_per_mega_unit)}; this one's {carried}",
        ),
        (
            "a period emits",
            f"{output.native(head.emission)} at most; {output.native(head.held - head.reserved)} are there",
        ),
        ("the next period", f"number {head.posted + 1}, over at {moment(head.next_at)}"),
    ]


def period_body(number: int, posted: Posted) -> dict[str, Any]:
    """A period for scripts."""
    return {
        "number": number,
        "root": "0x" + posted.root.hex(),
        "network": posted.network,
        "emission": posted.emission,
        "total": posted.total,
        "paid": posted.paid,
        "claimable_from": posted.claimable_from,
        "terms": posted.terms._asdict(),
    }


def period_rows(number: int, posted: Posted, is_claimed: bool) -> list[tuple[str, str]]:
    """A period for people."""
    if not posted.claimable_from:
        return [(f"period {number}", "was not posted, or was voided")]
    return [
        (f"period {number}", f"{output.native(posted.total)} earned by {posted.network} units of weight"),
        ("of that paid", output.native(posted.paid)),
        ("claims", f"from {moment(posted.claimable_from)} on, without end"),
        ("this one's", "was paid" if is_claimed else "not claimed"),
    ]


def claim(
    context: typer.Context,
    period: Annotated[int, typer.Argument(help="Which period.", min=1)],
    inputs: Annotated[
        Path | None,
        typer.Option(
            help="The period's inputs: a JSON list, a row for each provider; made of public events if left out."
        ),
    ] = None,
    provider: Whose = None,
    kept: From = None,
) -> None:
    """Have a provider paid what a period earned it, once. Anyone may; the money is the provider's.

    The formula is computed here again from the period's inputs, and the contract computes it once more.
    """

    async def work(out: Output) -> None:
        async with governed(out) as (node, key):
            whose = provider or normal(key.address)
            entries = read_inputs(inputs) if inputs else await said_entries(out, node, period, kept)
            made = await opened_period(node, period, entries)
            index = index_of(made, whose)
            domain = rewards.domain_of(node)
            receipt = await do(node, key, rewards.claim(node, period, made.leaves[index], prove(domain, made, index)))
        body = {"tx": "0x" + receipt.tx_hash.hex(), "provider": whose, "amount": made.rewards[index]}
        out.show(body, lambda: f"paid {output.native(made.rewards[index])} to {whose}")

    output.run(context, work)


async def said_entries(out: Output, node: Node, period: int, kept: Path | None) -> list[Entry]:
    """The rows of a period, made of public events."""
    posted, head = await rewards.period_of(node, period), await rewards.head(node)
    return reward_proof.entries(await reward_proof.said_period(out, head, period, posted, kept))


def read_inputs(file: Path) -> list[Entry]:
    """The rows of a period. Raises BadSettings."""
    try:
        found = json.loads(file.read_bytes())
        return [Row.model_validate(row).entry for row in found]
    except ValidationError as error:
        raise BadInput(f"{file}: {first_problem(error)}") from None
    except (OSError, ValueError, TypeError) as error:
        raise BadInput(f"{file} holds no list of inputs: {error}.") from None


async def opened_period(node: Node, number: int, entries: list[Entry]) -> Period:
    """The period that these inputs make. Raises Foreign unless it is the one on chain."""
    posted = await rewards.period_of(node, number)
    made = period_of(number, entries, posted.emission, posted.terms) if posted.claimable_from else None
    if made is None or root_of(rewards.domain_of(node), made) != posted.root:
        raise Foreign(f"Period {number} has another root, or was not posted.")
    return made


def index_of(period: Period, provider: str) -> int:
    """Where a provider stands among a period's leaves. Raises Foreign."""
    places = [number for number, leaf in enumerate(period.leaves) if leaf.provider == provider]
    if not places:
        raise Foreign(f"{provider} did nothing in period {period.number}.")
    return places[0]
