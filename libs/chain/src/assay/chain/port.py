"""The chain as the rest of Assay sees it: questions, one way to send, and the events.

Everything that is sent was signed and stored before (`transaction.sign_transaction`), so that a crash between signing
and sending repeats the same bytes; the contracts' guards make the effect happen once.
"""

from __future__ import annotations

from typing import Protocol

from assay.chain.events import ChainEvent, LoggedEvent, Receipt
from assay.chain.payment.port import PaymentChain
from assay.chain.values import (
    Anchor,
    AnchorRefusal,
    AuditPayment,
    AuditRefusal,
    Block,
    Deployment,
    Fees,
    JobState,
    OpenRefusal,
    Order,
    Payout,
    Ruling,
    Settlement,
    SettlementRefusal,
    SignedOrder,
    SignedTransaction,
    Slash,
    SlashReason,
)

__all__ = [
    "Anchor",
    "AnchorRefusal",
    "AuditPayment",
    "AuditRefusal",
    "Block",
    "Chain",
    "ChainEvent",
    "Deployment",
    "Fees",
    "JobState",
    "LoggedEvent",
    "OpenRefusal",
    "Order",
    "Payout",
    "Receipt",
    "Ruling",
    "Settlement",
    "SettlementRefusal",
    "SignedOrder",
    "SignedTransaction",
    "Slash",
    "SlashReason",
]


class Chain(PaymentChain, Protocol):
    """One EVM chain with Assay's contracts on it.

    Every method raises ChainUnreachable where the node gives no answer. Addresses are checksummed.
    """

    deployment: Deployment

    async def block(self, number: int | None = None) -> Block:
        """Returns the block of this number, or the latest one. Raises UnknownBlock."""

    async def balance(self, party: str) -> int:
        """Returns what a party can withdraw from the escrow, in stable units."""

    async def locked(self, job_id: bytes) -> int:
        """Returns what the escrow holds for a job, in stable units."""

    async def job_state(self, job_id: bytes) -> JobState:
        """Returns how far a job's money has come."""

    async def audit_fund(self) -> int:
        """Returns what is there to pay audits, in stable units."""

    async def root_of(self, provider: str, number: int) -> bytes:
        """Returns the anchored root of a provider's epoch, or 32 zero bytes."""

    async def ruling_of(self, dispute: bytes, worker: str, challenger: str) -> Ruling:
        """Returns what the judge ruled in the dispute between these two."""

    async def stake_of(self, provider: str) -> int:
        """Returns a provider's active stake, in native units."""

    async def unbonding_of(self, provider: str) -> int:
        """Returns a provider's stake that is on its way out and can still be slashed, in native units."""

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
