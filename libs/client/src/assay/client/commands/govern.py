"""Puts the contracts that votes govern behind a deployment; a deployment that has them stays as it is."""

from pathlib import Path
from typing import Annotated

import typer

from assay.bus.keyfile import load_key
from assay.chain import Deployment
from assay.chain.governed.terms import (
    NOBODY,
    GovernedTerms,
    Officers,
    OracleTerms,
    SlashTerms,
    SlashWindows,
    StakeTerms,
)
from assay.chain.words import normal
from assay.client import output
from assay.client.commands.governing import account
from assay.client.output import Output
from assay.proof.keys import Key

LEAVE_S, LOCK_S = StakeTerms().delay_s, StakeTerms().lock_s


def parsed_windows(text: str) -> SlashWindows:
    """Four spans as they are written, with commas between. Raises BadParameter."""
    try:
        return SlashWindows(*map(int, text.split(",", maxsplit=3)))
    except (TypeError, ValueError):
        raise typer.BadParameter(f"{text!r} is not four numbers of seconds: report,appeal,ruling,execution.") from None


Windows = Annotated[
    SlashWindows | None,
    typer.Option(
        "--slash-windows",
        help="How old an offence may be when it is reported, and how long appeal, ruling and execution wait, in "
        "seconds: report,appeal,ruling,execution. The longest are the default; shorter is for networks on which "
        "nothing is at stake.",
        parser=parsed_windows,
    ),
]
LeaveS = Annotated[
    int, typer.Option("--leave-s", help="How long stake and backing take to leave: longer than all these windows.")
]
Arbiter = Annotated[
    str | None,
    typer.Option(help="Address that rules on appeals; nobody, if left out: appeals prevail.", parser=account),
]
Guardian = Annotated[
    str | None,
    typer.Option(help="Address that may void a period of rewards within three days; the deployer's.", parser=account),
]
Feeds = Annotated[
    list[str] | None,
    typer.Option("--feed", help="A feed of the native token's price; three to nine make a treasury.", parser=account),
]


def govern(
    context: typer.Context,
    evm_url: Annotated[str, typer.Option(help="The EVM node.")],
    key_file: Annotated[Path, typer.Option(help="The deployer's key; it pays the gas and keeps no power.")],
    proposer: Annotated[str, typer.Option(help="Address that accuses.", parser=account)],
    poster: Annotated[str, typer.Option(help="Address that posts periods of rewards.", parser=account)],
    to: Annotated[Path, typer.Option(help="The deployment file, which gets a section for them.")],
    arbiter: Arbiter = None,
    guardian: Guardian = None,
    feed: Feeds = None,
    windows: Windows = None,
    leave_s: LeaveS = LEAVE_S,
) -> None:
    """Deploy what votes govern behind a deployment without it: stake by capacity, slashing, rewards, votes, treasury.

    What stands is not deployed again.
    """

    async def work(out: Output) -> None:
        key = load_key(key_file)
        held = officers(proposer, poster, arbiter, guardian or normal(key.address))
        await add(out, evm_url, key, to, terms_of(held, feed, windows, leave_s))

    output.run(context, work)


def officers(proposer: str, poster: str, arbiter: str | None, guardian: str) -> Officers:
    """Who accuses, posts, rules and voids. Raises BadParameter where one would accuse and rule."""
    if arbiter == proposer:
        raise typer.BadParameter("Who accuses cannot rule on appeals: name another arbiter.")
    return Officers(proposer, arbiter or NOBODY, poster, guardian)


def terms_of(held: Officers, feeds: list[str] | None, windows: SlashWindows | None, leave_s: int) -> GovernedTerms:
    """What the contracts begin with. Raises BadParameter for a number of feeds that no oracle takes."""
    if feeds and not 3 <= len(feeds) <= 9:
        raise typer.BadParameter(f"{len(feeds)} feeds make no median: name three to nine, or none.")
    return GovernedTerms(
        officers=held,
        stake=StakeTerms(delay_s=leave_s, lock_s=min(leave_s, LOCK_S)),
        slashing=SlashTerms(windows=windows or SlashWindows()),
        oracle=OracleTerms(feeds=tuple(feeds or ())),
    )


async def add(out: Output, evm_url: str, key: Key, to: Path, terms: GovernedTerms) -> None:
    """Deploy the group unless the file names one, and write where it stands."""
    from assay.chain.governed.deploy import govern as govern_contracts  # web3 takes a second to load

    deployment = await govern_contracts(evm_url, key, Deployment.load(to), terms)
    deployment.save(to)
    out.show(deployment.plain(), lambda: f"wrote {to}")
