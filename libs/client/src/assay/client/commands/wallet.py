"""The wallet: what an address holds, and what moves its money on chain; each command waits until it is mined."""

from typing import Annotated

import typer
from pydantic import TypeAdapter, ValidationError

from assay.chain import Chain
from assay.chain import wallet as chain_wallet
from assay.client import output
from assay.client.commands.sending import opened, send
from assay.client.output import Output
from assay.schema.errors import Refused
from assay.schema.values import JobId, job_word

Amount = Annotated[int, typer.Argument(help="In base units of the stable token (6 decimals).", min=1)]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(help="Balances, deposits, withdrawals, reclaims.", no_args_is_help=True)
    group.command("balance")(balance)
    group.command("deposit")(deposit)
    group.command("withdraw")(withdraw)
    group.command("reclaim")(reclaim)
    app.add_typer(group, name="wallet")


async def holdings(chain: Chain, address: str) -> dict[str, int]:
    """What an address holds, in base units: in its own hands, in escrow, and at stake."""
    return {
        "stable": await chain.token_balance(chain.deployment.stable, address),
        "escrow": await chain.balance(address),
        "native": await chain.token_balance(chain.deployment.native, address),
        "stake": await chain.stake_of(address),
    }


def balance(context: typer.Context) -> None:
    """Show what the profile's address holds."""

    async def work(out: Output) -> None:
        async with opened(out) as (chain, key):
            held = await holdings(chain, key.address)
            rows = [
                (name, output.native(amount) if name in ("native", "stake") else output.stable(amount))
                for name, amount in held.items()
            ]
            out.show({"address": key.address} | held, lambda: output.table(key.address, ("held", "amount"), rows))

    output.run(context, work)


def deposit(context: typer.Context, amount: Amount) -> None:
    """Move stable tokens into the escrow, where orders can lock them."""
    send(context, lambda chain, key: chain_wallet.deposit(chain, key, amount), f"deposited {output.stable(amount)}")


def withdraw(context: typer.Context, amount: Amount) -> None:
    """Take free stable tokens out of the escrow. Nobody can stop this."""
    send(context, lambda chain, key: chain_wallet.withdraw(chain, key, amount), f"withdrew {output.stable(amount)}")


def reclaim(context: typer.Context, job: Annotated[str, typer.Argument(help="The job's id.")]) -> None:
    """Take back what is locked for a job that nobody settled, a week after its deadline. Nobody can stop this."""

    async def work(out: Output) -> None:
        word = read_job(job)
        async with opened(out) as (chain, key):
            locked = await chain.locked(word)
            receipt = await chain_wallet.reclaim(chain, key, word)
            body = {"tx": "0x" + receipt.tx_hash.hex(), "amount": locked}
            out.show(body, lambda: f"{output.stable(locked)} is back in the requester's escrow balance")

    output.run(context, work)


def read_job(text: str) -> bytes:
    """A job's id as the chain has it. Raises Refused: event.malformed."""
    try:
        return job_word(TypeAdapter(JobId).validate_python(text))
    except ValidationError:
        raise Refused("event.malformed", f"{text!r} is no job's id.") from None
