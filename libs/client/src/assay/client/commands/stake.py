"""Stake: the native tokens that answer for what a provider or a verifier says, put in, claimed to stand for so
much work, unbonded, taken out."""

import asyncio
from typing import Annotated

import typer

from assay.chain import Chain
from assay.chain import wallet as chain_wallet
from assay.chain.governed import vault
from assay.chain.governed.acts import Act, Node
from assay.client import output
from assay.client.commands import backing
from assay.client.commands.asking import ask_of_own, say_waiting
from assay.client.commands.governing import act
from assay.client.commands.native_amount import Amount
from assay.client.commands.sending import opened, send
from assay.client.output import Output
from assay.proof.keys import Key
from assay.schema.errors import Retry, Unreachable


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(help="Native tokens that answer for your work.", no_args_is_help=True)
    backed = (backing.backing, backing.delegate, backing.undelegate, backing.collect)
    for command in (show, add, claim, remove, withdraw, *backed):
        group.command(command.__name__)(command)
    app.add_typer(group, name="stake")


async def held(chain: Chain, address: str) -> dict[str, int]:
    """What an address has at stake, what of it unbonds, and what it could add, in base units."""
    return {
        "stake": await chain.stake_of(address),
        "unbonding": await chain.unbonding_of(address),
        "native": await chain.token_balance(chain.deployment.native, address),
    }


async def behind(chain: Chain, address: str) -> dict[str, int]:
    """What an address has at stake, what backs it, and what it claims: `needed` is what that asks of its own stake."""
    lent, claimed, terms = await asyncio.gather(chain.backing_of(address), chain.claim_of(address), chain.cover_terms())
    return {**await held(chain, address), "backing": lent, "needed": terms.own_for(claimed, lent), "claim": claimed}


async def uncounted(out: Output, address: str) -> dict[str, dict[str, int]] | None:
    """What of an address's stake and of its backing the network does not count yet; None while it is out of reach."""
    try:
        said = await ask_of_own(out, "balances", address)
    except (Retry, Unreachable):
        return None
    return {name: said[f"waiting_{name}"] for name in ("stake", "backing")}


def show(context: typer.Context) -> None:
    """Show what is at stake, what of it does not count yet, what unbonds, what backs it, and what it is claimed to
    stand for.
    """

    async def work(out: Output) -> None:
        async with opened(out) as (chain, key):
            found, is_covered = await behind(chain, key.address), await chain.is_covered(key.address)
            waiting = await uncounted(out, key.address)
        claimed = found.pop("claim")
        rows = [(name, output.native(amount)) for name, amount in found.items()]
        rows += [("claim", f"{claimed} units/s"), ("covered", "yes" if is_covered else "no")]
        body = {"address": key.address, **found, "claim": claimed, "is_covered": is_covered, "waiting": waiting}
        out.show(body, lambda: output.table(key.address, ("held", "amount"), rows))
        for name, amounts in (waiting or {}).items():
            say_waiting(out, amounts, f"your {name}", output.native)
        if waiting is None:
            out.say("The network is out of reach: what of it does not count yet is not shown.")

    output.run(context, work)


def claim(
    context: typer.Context,
    units_per_s: Annotated[
        int, typer.Argument(help="Cost units a second of all slots together; 1 for a verifier.", min=0, max=2**64 - 1)
    ],
) -> None:
    """Say what your stake stands for: offers are listed up to it, and stake and backing have to cover it.

    What was verified of your work in a day is held against it. Less can be claimed at any time, and 0 frees all.
    """

    async def choose(node: Node, _: Key) -> list[Act]:
        return [vault.claim(node, units_per_s)]

    act(context, choose, f"your stake stands for {units_per_s} units/s", claim=units_per_s)


def add(context: typer.Context, amount: Amount) -> None:
    """Put native tokens at stake."""
    send(context, lambda chain, key: chain_wallet.stake(chain, key, amount), f"staked {output.native(amount)}")


def remove(context: typer.Context, amount: Amount) -> None:
    """Begin to take stake back: it unbonds for 21 days on a real network, in which it still answers for your work."""
    said = f"{output.native(amount)} unbonds; `assay stake withdraw` takes it out when it has"
    send(context, lambda chain, key: chain_wallet.unstake(chain, key, amount), said)


def withdraw(context: typer.Context) -> None:
    """Take out what has finished to unbond."""
    send(context, chain_wallet.withdraw_stake, "it is yours again")
