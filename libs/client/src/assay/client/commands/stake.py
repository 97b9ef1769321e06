"""Stake: the native tokens that answer for what a provider or a verifier says, put in, unbonded, taken out."""

from decimal import Decimal, InvalidOperation
from typing import Annotated

import typer

from assay.chain import Chain
from assay.chain import wallet as chain_wallet
from assay.client import output
from assay.client.commands.sending import opened, send
from assay.client.output import Output
from assay.schema.values import STAKE_PER_SLOT

UNIT = 10**18


def base_units(text: str) -> int:
    """An amount of native tokens in base units. Raises BadParameter."""
    try:
        units = Decimal(text) * UNIT
        is_exact = units > 0 and units == units.to_integral_value()
    except InvalidOperation:
        is_exact = False
    if not is_exact:
        raise typer.BadParameter(f"{text!r} is no amount of tokens above zero with up to 18 decimals.")
    return int(units)


Amount = Annotated[int, typer.Argument(help="In native tokens, such as 300 or 0.5.", parser=base_units)]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(help="Native tokens that answer for your work.", no_args_is_help=True)
    for command in (show, add, remove, withdraw):
        group.command(command.__name__)(command)
    app.add_typer(group, name="stake")


async def held(chain: Chain, address: str) -> dict[str, int]:
    """What an address has at stake, what of it unbonds, and what it could add, in base units."""
    return {
        "stake": await chain.stake_of(address),
        "unbonding": await chain.unbonding_of(address),
        "native": await chain.token_balance(chain.deployment.native, address),
    }


def show(context: typer.Context) -> None:
    """Show what is at stake, what unbonds, and how many slots the stake is enough for."""

    async def work(out: Output) -> None:
        async with opened(out) as (chain, key):
            found = await held(chain, key.address)
            slots = found["stake"] // STAKE_PER_SLOT
            rows = [*((name, output.native(amount)) for name, amount in found.items()), ("slots", str(slots))]
            body = {"address": key.address, **found, "slots": slots}
            out.show(body, lambda: output.table(key.address, ("held", "amount"), rows))

    output.run(context, work)


def add(context: typer.Context, amount: Amount) -> None:
    """Put native tokens at stake."""
    send(context, lambda chain, key: chain_wallet.stake(chain, key, amount), f"staked {output.native(amount)}")


def remove(context: typer.Context, amount: Amount) -> None:
    """Begin to take stake back: it unbonds for 14 days, in which it still answers for your work."""
    said = f"{output.native(amount)} unbonds; `assay stake withdraw` takes it out when it has"
    send(context, lambda chain, key: chain_wallet.unstake(chain, key, amount), said)


def withdraw(context: typer.Context) -> None:
    """Take out what has finished to unbond."""
    send(context, chain_wallet.withdraw_stake, "it is yours again")
