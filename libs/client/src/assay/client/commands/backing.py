"""Backing: native tokens lent to a provider's stake, which answer for its work and come back after their delay."""

from typing import Annotated

import typer

from assay.chain.errors import ChainError
from assay.chain.governed import restaking
from assay.chain.governed.acts import Act, Node
from assay.client import output
from assay.client.commands.governing import account, act, governed
from assay.client.commands.native_amount import Amount
from assay.client.output import Output
from assay.proof.keys import Key

Provider = Annotated[str, typer.Argument(help="Whom, by address or id.", parser=account)]


class NoBacking(ChainError):
    """Less backs this provider than is to be taken back."""

    code = "stake.no_backing"
    advice = "`assay stake backing PROVIDER` shows what of yours backs it."


def backing(context: typer.Context, provider: Provider) -> None:
    """Show what backs a provider, and what of it is yours."""

    async def work(out: Output) -> None:
        async with governed(out) as (node, key):
            held, delay_s = await restaking.backing_of(node, provider, key.address), await restaking.delay_s(node)
        body = {"provider": provider, "delay_s": delay_s, **{name: getattr(held, name) for name in held.__slots__}}
        rows = [
            ("backs it", output.native(held.active)),
            ("answers, what leaves included", output.native(held.slashable)),
            ("of yours", output.native(held.worth)),
        ]
        out.show(body, lambda: output.table(provider, ("what", "amount"), rows))

    output.run(context, work)


def delegate(context: typer.Context, provider: Provider, amount: Amount) -> None:
    """Back a provider with native tokens: they answer for its work as its own stake does.

    They count for what it claims, but for a fifth that has to be its own stake.
    """

    async def choose(node: Node, _: Key) -> tuple[Act, ...]:
        return restaking.allocate(node, provider, amount)

    act(context, choose, f"{output.native(amount)} back {provider}", provider=provider, amount=amount)


def undelegate(context: typer.Context, provider: Provider, amount: Amount) -> None:
    """Begin to take backing back: it leaves after its delay, in which it still answers."""

    async def choose(node: Node, key: Key) -> list[Act]:
        held = await restaking.backing_of(node, provider, key.address)
        return [restaking.deallocate(node, provider, shares_for(held, amount))]

    said = f"{output.native(amount)} leave; `assay stake collect` takes them out when they have"
    act(context, choose, said, provider=provider, amount=amount)


def shares_for(held: restaking.Backing, amount: int) -> int:
    """The shares of one's backing that are worth an amount, at most all. Raises NoBacking."""
    # What rounding took from an allocation is not missed: a billionth more than the worth is all of it.
    if amount > held.worth + held.worth // 10**9 + 1 or held.worth == 0:
        raise NoBacking(f"{output.native(held.worth)} of yours back this provider.")
    return min(held.shares, -(-amount * held.shares // held.worth))


def collect(context: typer.Context, provider: Provider) -> None:
    """Take out the backing of a provider that has finished leaving. Nobody can stop this."""

    async def choose(node: Node, _: Key) -> list[Act]:
        return [restaking.withdraw(node, provider)]

    act(context, choose, "it is yours again", provider=provider)
