"""The chain: deploy the contracts, and put up the bond of whoever posts payments."""

from pathlib import Path
from typing import Annotated

import typer

from assay.bus.keyfile import load_key
from assay.chain import wallet
from assay.chain.payment.values import Terms, Windows
from assay.chain.words import normal
from assay.client import output
from assay.client.commands import govern
from assay.client.commands.govern import LEAVE_S, Arbiter, Feeds, Guardian, LeaveS
from assay.client.commands.govern import Windows as SlashWindows
from assay.client.commands.governing import account
from assay.client.commands.native_amount import Amount
from assay.client.commands.sending import send
from assay.client.output import Output

LONGEST = Windows()
Stable = Annotated[
    str | None, typer.Option(help="A stable token of 6 decimals that exists; a new one if left out.", parser=account)
]
WindowS = Annotated[
    int, typer.Option(help="How long an epoch of payments can be doubted.", min=1, max=LONGEST.window_s)
]
AnswerS = Annotated[int, typer.Option(help="How long a demand waits for its answer.", min=1, max=LONGEST.answer_s)]
IntervalS = Annotated[
    int, typer.Option(help="How far apart epochs of payments are at least.", min=1, max=LONGEST.interval_s)
]
NoticeS = Annotated[
    int, typer.Option(help="How long a requester that leaves can still be charged.", min=1, max=LONGEST.notice_s)
]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(help="The contracts.", no_args_is_help=True)
    group.command("deploy")(deploy)
    group.command("govern")(govern.govern)
    group.command("bond")(bond)
    app.add_typer(group, name="chain")


def bond(context: typer.Context, amount: Amount) -> None:
    """Put native tokens up as the bond without which your key cannot post epochs of payments."""
    send(context, lambda chain, key: wallet.add_bond(chain, key, amount), f"bonded {output.native(amount)}")


def deploy(
    context: typer.Context,
    evm_url: Annotated[str, typer.Option(help="The EVM node.")],
    key_file: Annotated[Path, typer.Option(help="The deployer's key; it pays the gas.")],
    settler: Annotated[str, typer.Option(help="Address that anchors, posts payments and signs verdicts.")],
    proposer: Annotated[str, typer.Option(help="Address that accuses; stake is slashed at its word.", parser=account)],
    to: Annotated[Path, typer.Option(help="The deployment file to write.")],
    stable: Stable = None,
    window_s: WindowS = LONGEST.window_s,
    answer_s: AnswerS = LONGEST.answer_s,
    interval_s: IntervalS = LONGEST.interval_s,
    notice_s: NoticeS = LONGEST.notice_s,
    arbiter: Arbiter = None,
    guardian: Guardian = None,
    feed: Feeds = None,
    windows: SlashWindows = None,
    leave_s: LeaveS = LEAVE_S,
) -> None:
    """Deploy tokens, payment by epochs, stake, insurance pool and what votes govern; write where they stand.

    With --stable payments are in a token that exists; one that keeps a part of what is sent, or changes what people
    hold, is not fit for it.
    Shorter windows are for networks on which nothing is at stake.
    """

    async def work(out: Output) -> None:
        from assay.chain.deploy import deploy as deploy_contracts  # web3 takes a second to load

        terms, key = Terms(windows=Windows(window_s, answer_s, interval_s, notice_s)), load_key(key_file)
        officers = govern.officers(proposer, account(settler), arbiter, guardian or normal(key.address))
        governed = govern.terms_of(officers, feed, windows, leave_s)
        (await deploy_contracts(evm_url, key, settler, terms=terms, stable=stable)).save(to)
        await govern.add(out, evm_url, key, to, governed)

    output.run(context, work)
