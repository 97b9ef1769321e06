"""What a slash for a false result reaches of a provider, as the contracts stood after a block."""

import asyncio

from assay.chain.port import Chain
from assay.chain.values import Block, SlashReason
from assay.schema.epoch import StakeBehind


async def behind(chain: Chain, provider: str, block: Block, price: int) -> StakeBehind | None:
    """What stood behind a provider (an address); `price`, in 10^-18 dollars, counts where no oracle has a lower bound.

    None where there is neither: then nothing says what it is worth. Raises ChainError once the block is forgotten.
    """
    then = chain.at(block)
    own, backing, locked, rate_ppm, low = await asyncio.gather(
        then.stake_of(provider),
        then.backing_of(provider),
        then.locked_of(provider),
        then.slash_rate(SlashReason.INVALID_RESULT),
        then.native_low(),
    )
    worth = price if low is None else low
    sums = {"own": own, "backing": backing, "locked": locked, "rate_ppm": rate_ppm}
    return StakeBehind(block=block.number, **sums, price=worth) if worth else None
