"""The wallet: what an address holds, and what moves its money on chain; each command waits until it is mined."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated

import typer
from pydantic import TypeAdapter, ValidationError

from assay.bus.keyfile import load_key
from assay.chain import Chain, Deployment
from assay.chain import wallet as chain_wallet
from assay.client import output
from assay.client.output import Output
from assay.client.profile import Profile
from assay.proof.keys import Key
from assay.schema.errors import BadSettings, Refused
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


@asynccontextmanager
async def opened(out: Output) -> AsyncIterator[tuple[Chain, Key]]:
    """The chain and the key of the profile. Raises BadSettings, Unreachable."""
    from assay.chain.client import connect  # web3 takes a second to load

    profile = Profile.find(out.profile)
    if profile.evm_url is None or profile.key_file is None:
        raise BadSettings("The profile names no EVM node or no key: add evm_url and key_file.")
    client = await connect(profile.evm_url, Deployment.load(profile.deployment_file))
    try:
        yield client, load_key(profile.key_file)
    finally:
        await client.close()


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

    async def work(out: Output) -> None:
        async with opened(out) as (chain, key):
            receipt = await chain_wallet.deposit(chain, key, amount)
            out.show({"tx": "0x" + receipt.tx_hash.hex()}, lambda: f"deposited {output.stable(amount)}")

    output.run(context, work)


def withdraw(context: typer.Context, amount: Amount) -> None:
    """Take free stable tokens out of the escrow. Nobody can stop this."""

    async def work(out: Output) -> None:
        async with opened(out) as (chain, key):
            receipt = await chain_wallet.withdraw(chain, key, amount)
            out.show({"tx": "0x" + receipt.tx_hash.hex()}, lambda: f"withdrew {output.stable(amount)}")

    output.run(context, work)


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
