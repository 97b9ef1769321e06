"""What every command that moves money shares: the profile's chain and key, and one transaction that is told of."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import typer

from assay.bus.keyfile import load_key
from assay.chain import Chain, Deployment, Receipt
from assay.client import output
from assay.client.errors import BadProfile
from assay.client.output import Output
from assay.client.profile import Profile
from assay.proof.keys import Key


@asynccontextmanager
async def reached(out: Output) -> AsyncIterator[Chain]:
    """The chain of the profile. Raises BadSettings, Unreachable."""
    from assay.chain.client import connect  # web3 takes a second to load

    profile = Profile.find(out.profile)
    if profile.evm_url is None:
        raise BadProfile("The profile names no EVM node: add evm_url.")
    client = await connect(profile.evm_url, Deployment.load(profile.deployment_file))
    try:
        yield client
    finally:
        await client.close()


@asynccontextmanager
async def opened(out: Output) -> AsyncIterator[tuple[Chain, Key]]:
    """The chain and the key of the profile. Raises BadSettings, Unreachable."""
    profile = Profile.find(out.profile)
    if profile.key_file is None:
        raise BadProfile("The profile names no key: add key_file.")
    async with reached(out) as chain:
        yield chain, load_key(profile.key_file)


def name_of(receipt: Receipt) -> str:
    """The hash of a transaction as it is written."""
    return "0x" + receipt.tx_hash.hex()


def send(context: typer.Context, act: Callable[[Chain, Key], Awaitable[Receipt]], said: str) -> None:
    """Do with the profile's key what `act` does, and say so once it is mined."""

    async def work(out: Output) -> None:
        async with opened(out) as (chain, key):
            receipt = await act(chain, key)
            out.show({"tx": name_of(receipt)}, lambda: said)

    output.run(context, work)
