"""What every command shares that has something sent by the operator, which pays the gas."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Protocol

import typer

from assay.chain import Chain
from assay.client import output
from assay.client.commands.asking import relay_door
from assay.client.commands.sending import opened
from assay.client.output import Output
from assay.client.relaying import Ask, relayed
from assay.proof.keys import Key
from assay.schema.errors import Retry, Unreachable
from assay.schema.relay import Relay

ByItself = Annotated[
    bool, typer.Option("--self", help="Send it yourself and pay the gas; nobody can keep you from it.")
]


class Sending(Protocol):
    """How something signed is sent."""

    def __call__(self, ask: Ask, relay: Relay, on_sent: Callable[[str], object], /) -> Awaitable[str]:
        """The transaction that did it."""


async def have_sent(out: Output, key: Key, relay: Relay, sending: Sending = relayed) -> str:
    """The transaction in which the operator sent what was signed. Raises Refused, Unreachable, Retry."""
    out.say("signed; the operator sends it and pays the gas")
    try:
        async with relay_door(out, key.address) as ask:
            return await sending(ask, relay, lambda tx: out.say(f"on its way in {tx}"))
    except Unreachable as error:
        raise Unreachable(f"{error.detail} `--self` needs no operator.") from None
    except Retry as error:
        raise Retry(f"{error.detail} See by `assay wallet balance` what came of it before you sign again.") from None


def relay(context: typer.Context, sign: Callable[[Chain, Key], Awaitable[Relay]], said: str) -> None:
    """Have sent what `sign` makes with the profile's key, and say so once it is final."""

    async def work(out: Output) -> None:
        async with opened(out) as (chain, key):
            tx = await have_sent(out, key, await sign(chain, key))
        out.show({"tx": tx}, lambda: said)

    output.run(context, work)
