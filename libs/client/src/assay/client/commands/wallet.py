"""The wallet: what an address holds, and what moves its money on chain; each command waits until that is done.

A deposit and a withdrawal are signatures that the operator sends; whoever has gas can send all of it alone.
"""

import re
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import typer

from assay.chain import Chain, Receipt
from assay.chain import wallet as chain_wallet
from assay.chain.relayed import ask_withdrawal, sign_deposit, sign_exit, sign_stay
from assay.client import output
from assay.client.commands import history
from assay.client.commands.asking import ask_of_own, say_waiting
from assay.client.commands.relays import ByItself, have_sent, relay
from assay.client.commands.said import From, said_in_public
from assay.client.commands.sending import name_of, opened, send
from assay.client.output import Output
from assay.client.rebuilding import rebuilt
from assay.client.relaying import left
from assay.client.standing import Standing, before_all, read_standing
from assay.proof.keys import Key
from assay.schema.errors import Refused, Retry, Unreachable

Amount = Annotated[int, typer.Argument(help="In base units of the stable token (6 decimals).", min=1)]
NATIVE = ("native", "stake")


def read_address(text: str) -> str:
    """An address. Raises BadParameter."""
    if not re.fullmatch("0x[0-9a-fA-F]{40}", text):
        raise typer.BadParameter(f"{text!r} is no address: 0x and 40 hex digits.")
    return text


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(help="Balances, deposits, withdrawals, claims.", no_args_is_help=True)
    for command in (balance, deposit, withdraw, stay, claim):
        group.command(command.__name__)(command)
    group.command("history")(history.show)
    app.add_typer(group, name="wallet")


async def on_chain(chain: Chain, address: str) -> dict[str, int]:
    """What the chain says of an address, in base units: in its own hands, in Payment, at stake."""
    account = await chain.account_of(address)
    return {
        "stable": await chain.token_balance(chain.deployment.stable, address),
        "leaving": account.leaving,
        "leaving_from_s": account.cutoff,
        "native": await chain.token_balance(chain.deployment.native, address),
        "stake": await chain.stake_of(address),
    }


async def in_ledger(out: Output, address: str) -> dict[str, int]:
    """What settlement says of an address: free to order with, waiting for its block, held, earned, not paid out.

    Nothing while the network is out of reach: what was charged is not on the chain.
    """
    try:
        said = await ask_of_own(out, "balances", address)
    except (Retry, Unreachable):
        return {}
    later = said["waiting"]
    waiting = {f"waiting_{name}": amount for name, amount in later.items() if amount}
    free = {"free": said["deposit"] - sum(later.values()), **waiting}
    return free | {"held": sum(said["held"].values()), "earned": said["earned"]}


def balance(context: typer.Context) -> None:
    """Show what you hold: free, held for jobs, earned and not paid out, in hand, leaving, at stake."""

    async def work(out: Output) -> None:
        async with opened(out) as (chain, key):
            held = await in_ledger(out, key.address) | await on_chain(chain, key.address)
        out.show({"address": key.address} | held, lambda: draw_balance(key.address, held))
        waiting = {block: held.get(f"waiting_{block}", 0) for block in ("safe", "final")}
        say_waiting(out, waiting, "what you deposited", output.stable)
        if "free" not in held:
            out.say("The network is out of reach: what is free, held and earned is not shown.")

    output.run(context, work)


def draw_balance(address: str, held: dict[str, int]) -> object:
    """A balance for people."""
    rows = [
        (name, output.native(amount) if name in NATIVE else output.stable(amount))
        for name, amount in held.items()
        if name != "leaving_from_s"
    ]
    return output.table(address, ("held", "amount"), rows)


def deposit(
    context: typer.Context,
    amount: Amount,
    to: Annotated[
        str | None,
        typer.Option(help="The address whose deposit it is; another than yours implies --self.", parser=read_address),
    ] = None,
    by_itself: ByItself = False,
) -> None:
    """Move stable tokens into the deposit, from which orders are paid: you sign, the operator sends it."""
    said = f"deposited {output.stable(amount)}"

    async def act(chain: Chain, key: Key) -> Receipt:
        return await chain_wallet.deposit_for(chain, key, to or key.address, amount)

    if by_itself or to:
        return send(context, act, said)
    relay(context, lambda chain, key: sign_deposit(chain, key, amount), said)


def withdraw(
    context: typer.Context,
    amount: Annotated[int | None, typer.Argument(help="What to announce, in base units.", min=1)] = None,
    by_itself: ByItself = False,
    kept: From = None,
) -> None:
    """Announce that an amount leaves the deposit; later, without an amount, take it out. Nobody can stop this.

    While no job, order or charge of yours is open the operator lets it leave with no notice. Where the operator is
    gone, --from takes it out by the public events that you kept; it implies --self.
    """
    alone = by_itself or kept is not None
    output.run(context, lambda out: take_out(out, alone, kept) if amount is None else announce(out, amount, alone))


async def announce(out: Output, amount: int, by_itself: bool) -> None:
    """Announce that an amount leaves."""
    async with opened(out) as (chain, key):
        if by_itself:
            tx = name_of(await chain_wallet.request_exit(chain, key, amount))
        else:
            tx = await have_sent(out, key, await sign_exit(chain, key, amount), left)
        account = await chain.account_of(key.address)
    body = {"tx": tx, "leaving": account.leaving, "leaving_from_s": account.cutoff}
    said = (
        f"{output.stable(amount)} leaves: `assay wallet withdraw` takes it out from {output.moment(account.cutoff)} on"
    )
    out.show(body, lambda: said)


async def take_out(out: Output, by_itself: bool, kept: Path | None = None) -> None:
    """Take out what was announced. Raises Refused: wallet.nothing_leaving, wallet.early, payment.unproven."""
    async with opened(out) as (chain, key):
        account, now_s = await chain.account_of(key.address), (await chain.block()).timestamp
        if account.leaving == 0:
            raise Refused("wallet.nothing_leaving")
        if now_s < account.cutoff:
            raise Refused("wallet.early", f"It can be charged until {output.moment(account.cutoff)}.")
        standing = await stand(out, chain, key.address, kept)
        if standing.after.number and standing.after.posted_at < account.cutoff:
            raise Refused("wallet.early", f"Epoch {standing.after.number} of payments, posted before, is not final.")
        if by_itself:
            tx = name_of(await chain_wallet.withdraw(chain, key, standing.epoch, standing.after, standing.leaf))
        else:
            tx = await have_sent(out, key, await ask_withdrawal(chain))
        taken = (await chain.account_of(key.address)).withdrawn - account.withdrawn
    out.show({"tx": tx, "amount": taken}, lambda: f"withdrew {output.stable(taken)}")


def stay(context: typer.Context, by_itself: ByItself = False) -> None:
    """Take the announcement of a withdrawal back."""
    if by_itself:
        return send(context, chain_wallet.cancel_exit, "nothing leaves")
    relay(context, sign_stay, "nothing leaves")


def claim(context: typer.Context, kept: From = None) -> None:
    """Take what epochs of payments credit you and nobody has paid out yet; the money goes to your own address.

    Where the operator is gone, --from makes your account again from the public events that you kept.
    """

    async def work(out: Output) -> None:
        async with opened(out) as (chain, key):
            paid, standing, amount = await due(out, chain, key.address, kept)
            body: dict[str, Any] = {"epoch": standing.epoch.number, "amount": 0}
            if amount:
                receipt = await chain_wallet.claim(chain, key, standing.epoch, [standing.leaf])
                body["amount"] = (await chain.account_of(key.address)).paid - paid
                body["tx"] = name_of(receipt)
        nothing = "nothing is due: what was earned later is due once its epoch is final"
        out.show(body, lambda: f"claimed {output.stable(body['amount'])}" if body["amount"] else nothing)

    output.run(context, work)


class Due(NamedTuple):
    """What was paid out to an account, where it stands, and what it can claim; in base units of the stable token."""

    paid: int
    standing: Standing
    amount: int


async def due(out: Output, chain: Chain, address: str, kept: Path | None = None) -> Due:
    """What an address can claim of final epochs of payments. Raises Unreachable, Retry."""
    paid = (await chain.account_of(address)).paid
    standing = await stand(out, chain, address, kept)
    return Due(paid, standing, max(0, standing.leaf.credit - paid))


async def stand(out: Output, chain: Chain, address: str, kept: Path | None = None) -> Standing:
    """Where an address stands in the newest epoch that is final or can be: by settlement, or by a file of events.

    Raises Unreachable, Retry, Refused: payment.unproven.
    """
    if (await chain.payment_head()).posted == 0:
        return before_all(address)
    if kept:
        return await rebuilt(chain, address, await said_in_public(out, kept))
    return read_standing(await ask_of_own(out, "leaf", address))
