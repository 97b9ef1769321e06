"""The chain's blocks as a public source of rounds: the round of an anchor is the block so many after it."""

from assay.chain import Chain, UnknownBlock
from assay.proof.beacon import BEACON_BLOCKS, Pulse
from assay.schema.errors import Retry


class Blocks:
    """The rounds of a chain; a block's hash stays what it is once so many blocks, itself included, are there."""

    def __init__(self, chain: Chain, confirmations: int) -> None:
        self._chain, self._confirmations = chain, confirmations

    def round_after(self, anchor: int) -> int:
        """The block that an anchor in this block fixes."""
        return anchor + BEACON_BLOCKS

    async def head(self) -> Pulse:
        """The latest block, which may yet be replaced. Raises ChainUnreachable."""
        latest = await self._chain.block(None)
        return Pulse(latest.number, latest.hash)

    async def next_round(self) -> int:
        """The block that is fixed now, and whose hash nobody knows. Raises ChainUnreachable."""
        return self.round_after((await self._chain.block(None)).number)

    async def pulse(self, round_: int) -> Pulse:
        """A final block and its hash. Raises Retry, ChainUnreachable."""
        latest = await self._chain.block(None)
        if latest.number < round_ + self._confirmations - 1:
            raise Retry(f"Block {round_} is not final yet.")
        try:
            return Pulse(round_, (await self._chain.block(round_)).hash)
        except UnknownBlock:
            raise Retry(f"Block {round_} is gone for now.") from None
