"""The chain: deploy the contracts."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from assay.bus.keyfile import load_key
from assay.client import output
from assay.client.output import Output


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
) -> None:
    """Deploy tokens, escrow, stake and insurance pool, and write where they stand."""

    async def work(out: Output) -> None:
        from assay.chain.deploy import deploy as deploy_contracts  # web3 takes a second to load

        deployment = await deploy_contracts(evm_url, load_key(key_file), settler, slasher)
        deployment.save(to)
        out.show(asdict(deployment), lambda: f"wrote {to}")

    output.run(context, work)
