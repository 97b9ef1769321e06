"""What the commands on governed contracts share: the door, accounts by address or id, and acts that are told of."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import cast

import typer

from assay.chain.governed.acts import Act, Node, do, places
from assay.chain.words import normal
from assay.client import output
from assay.client.commands.sending import opened
from assay.client.output import Output
from assay.proof.keys import Key
from assay.schema.values import address_of


@asynccontextmanager
async def governed(out: Output) -> AsyncIterator[tuple[Node, Key]]:
    """The chain of the profile, with governed contracts on it, and its key. Raises BadSettings, Unreachable."""
    async with opened(out) as (chain, key):
        places(chain)
        yield cast(Node, chain), key


def account(text: str) -> str:
    """An address, as one or by a participant's id. Raises BadParameter."""
    try:
        return normal(text if text.startswith("0x") else address_of(text))
    except ValueError:
        raise typer.BadParameter(
            f"{text!r} is neither an address (0x and 40 hex digits) nor a participant's id."
        ) from None


def act(
    context: typer.Context, choose: Callable[[Node, Key], Awaitable[Sequence[Act]]], said: str, **told: object
) -> None:
    """Send the chosen acts with the profile's key, one after the other, and say so once the last is mined."""

    async def work(out: Output) -> None:
        async with governed(out) as (node, key):
            receipt = await do(node, key, *await choose(node, key))
            out.show({"tx": "0x" + receipt.tx_hash.hex(), **told}, lambda: said)

    output.run(context, work)
