"""What stands behind a provider now, as `epoch.drawn` would state it: read from the contracts, by nobody's word."""

from typing import Annotated, Any, TypeAlias

import typer

from assay.chain.governed.pledge import behind
from assay.client import output
from assay.client.commands.sending import reached
from assay.client.output import Output
from assay.proof.policy import pledged, worth_of
from assay.proof.policy.pledged import PRICE_OF_STABLE
from assay.schema.epoch import StakeBehind
from assay.schema.values import address_of

NativePrice: TypeAlias = Annotated[
    int,
    typer.Option(
        "--native-price",
        help="Base units of the stable token for a whole native one, where no oracle has a price.",
        min=0,
    ),
]


async def stake_of(out: Output, provider: str, native_price: int) -> StakeBehind | None:
    """What stands behind a provider after the latest block; None where the native token has no price.

    Raises BadSettings where the profile names no node, Unreachable.
    """
    async with reached(out) as chain:
        return await behind(chain, address_of(provider), await chain.block(), native_price * PRICE_OF_STABLE)


def body_of_stake(stake: StakeBehind | None) -> dict[str, Any] | None:
    """The stake for scripts: what the contracts say, and what of it deters in base units of the stable token."""
    return stake.model_dump() | {"pledged": pledged(stake), "worth": worth_of(stake)} if stake else None


def stake_in_words(stake: StakeBehind | None) -> str:
    """The stake for people."""
    if stake is None:
        return "counts as none: the native token has no price, or no node was asked"
    taken = f"a slash takes {output.native(pledged(stake))} of {output.native(stake.own)}"
    more = f"and {output.native(stake.backing)} of delegators" + (", after open accusations" if stake.locked else "")
    return f"{taken} {more}: {output.stable(worth_of(stake))} of it counts at block {stake.block}"
