"""The chain: deploy the contracts."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from assay.bus.keyfile import load_key
from assay.chain.payment.values import Terms, Windows
from assay.client import output
from assay.client.output import Output

LONGEST = Windows()


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(help="The contracts.", no_args_is_help=True)
    group.command("deploy")(deploy)
    app.add_typer(group, name="chain")


def deploy(
    context: typer.Context,
    evm_url: Annotated[str, typer.Option(help="The EVM node.")],
    key_file: Annotated[Path, typer.Option(help="The deployer's key; it pays the gas.")],
    settler: Annotated[str, typer.Option(help="Address that settles jobs.")],
    slasher: Annotated[str, typer.Option(help="Address that slashes stake.")],
    to: Annotated[Path, typer.Option(help="The deployment file to write.")],
    window_s: Annotated[
        int, typer.Option(help="How long an epoch of payments can be doubted.", min=1, max=LONGEST.window_s)
    ] = LONGEST.window_s,
    answer_s: Annotated[
        int, typer.Option(help="How long a demand waits for its answer.", min=1, max=LONGEST.answer_s)
    ] = LONGEST.answer_s,
    interval_s: Annotated[
        int, typer.Option(help="How far apart epochs of payments are at least.", min=1, max=LONGEST.interval_s)
    ] = LONGEST.interval_s,
    notice_s: Annotated[
        int, typer.Option(help="How long a requester that leaves can still be charged.", min=1, max=LONGEST.notice_s)
    ] = LONGEST.notice_s,
) -> None:
    """Deploy tokens, escrow, payment by epochs, stake and insurance pool, and write where they stand.

    Shorter windows are for networks on which nothing is at stake.
    """

    async def work(out: Output) -> None:
        from assay.chain.deploy import deploy as deploy_contracts  # web3 takes a second to load

        terms = Terms(windows=Windows(window_s, answer_s, interval_s, notice_s))
        deployment = await deploy_contracts(evm_url, load_key(key_file), settler, slasher, terms=terms)
        deployment.save(to)
        out.show(asdict(deployment), lambda: f"wrote {to}")

    output.run(context, work)
