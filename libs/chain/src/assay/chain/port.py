"""The chain as the rest of Assay sees it: questions, one way to send, and the events.

Everything that is sent was signed and stored before (`transaction.sign_transaction`), so that a crash between signing
and sending repeats the same bytes; the contracts' guards make the effect happen once.
"""

from __future__ import annotations

from typing import Protocol

from assay.chain.events import ChainEvent, LoggedEvent, Receipt
from assay.chain.governed.port import StakeChain
from assay.chain.payment.port import PaymentChain
from assay.chain.values import (
    Anchor,
    AnchorRefusal,
    Block,
    Deployment,
    Fees,
    Order,
    Ruling,
    SignedTransaction,
    SlashReason,
    Tag,
)

__all__ = [
    "Anchor",
    "AnchorRefusal",
    "Block",
    "Chain",
    "ChainEvent",
    "Deployment",
    "Fees",
    "LoggedEvent",
    "Order",
    "Receipt",
    "Ruling",
    "SignedTransaction",
    "SlashReason",
    "Tag",
]


class Chain(PaymentChain, StakeChain, Protocol):
    """One EVM chain with Assay's contracts on it.

    Every method raises ChainUnreachable where the node gives no answer. Addresses are checksummed.
    """

    deployment: Deployment

    async def block(self, number: int | None = None) -> Block:
        """Returns the block of this number, or the latest one. Raises UnknownBlock."""

    async def marked(self, tag: Tag) -> int | None:
        """Returns the number of the block that the node calls safe or finalized; None if it knows none."""

    def at(self, block: Block) -> Chain:
        """Returns the chain whose contracts answer as they stood after this block.

        They raise ChainError once the block is forgotten or no longer of the chain.
        """

    async def root_of(self, provider: str, number: int) -> bytes:
        """Returns the anchored root of a provider's epoch, or 32 zero bytes."""

    async def ruling_of(self, dispute: bytes, worker: str, challenger: str) -> Ruling:
        """Returns what the judge ruled in the dispute between these two."""

    async def token_balance(self, token: str, address: str) -> int:
        """Returns how much of a token an address holds."""

    async def pool_balance(self) -> int:
        """Returns the insurance pool's native tokens."""

    async def nonce_of(self, address: str) -> int:
        """Returns the nonce of the next transaction, counted over mined ones."""

    async def fees(self) -> Fees:
        """Returns fees at which a transaction is mined soon."""

    async def estimate(self, sender: str, to: str, data: bytes) -> int:
        """Returns the gas this call needs with a margin. Raises Reverted with the contract's reason."""

    async def broadcast(self, raw: bytes) -> bytes:
        """Returns the hash of a transaction that the chain now has, however often it is sent.

        Raises NonceTaken, FeeTooLow, Unfunded.
        """

    async def receipt(self, tx_hash: bytes) -> Receipt | None:
        """Returns how a transaction went, or None while it is not in a block (any more)."""

    async def events(self, from_block: int, to_block: int) -> list[LoggedEvent]:
        """Returns the contracts' events of these blocks, both included, in the chain's order."""
