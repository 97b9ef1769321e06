"""What stands behind a provider on the chain when its epoch is drawn."""

import logging

from assay.chain import Chain, ChainError, ChainUnreachable, UnknownBlock
from assay.chain.governed.pledge import behind
from assay.proof.policy.pledged import PRICE_OF_STABLE
from assay.schema.epoch import StakeBehind
from assay.schema.values import address_of

log = logging.getLogger(__name__)


class Stakes:
    """The vaults' answers. `native_price` is that of a whole token in stable base units where no oracle has one."""

    def __init__(self, chain: Chain, native_price: int) -> None:
        self._chain, self._price = chain, native_price * PRICE_OF_STABLE

    async def behind(self, provider: str, block: int) -> StakeBehind | None:
        """What stood behind a provider after a block; None where the token has no price, or the state is forgotten.

        Raises ChainUnreachable, UnknownBlock.
        """
        try:
            return await behind(self._chain, address_of(provider), await self._chain.block(block), self._price)
        except (ChainUnreachable, UnknownBlock):
            raise
        except ChainError as error:
            log.warning("the stake behind %s at block %d is not stated: %s", provider, block, error)
            return None
