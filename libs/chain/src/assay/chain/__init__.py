"""The EVM chain: Assay's contracts, a typed client, and a twin of both in memory; the only importer of web3.

Light parts are re-exported here; whoever sends imports `assay.chain.client`, `assay.chain.deploy`,
`assay.chain.wallet` or `assay.chain.memory`, so that web3 is loaded only where it is used.
"""

from assay.chain.encode import encode_open, encode_settle, encode_slash
from assay.chain.errors import ChainError, ChainUnreachable, FeeTooLow, NonceTaken, Reverted, Unfunded, UnknownBlock
from assay.chain.gas import open_gas, settle_gas, slash_gas
from assay.chain.port import (
    Block,
    Chain,
    ChainEvent,
    Deployment,
    Fees,
    JobState,
    LoggedEvent,
    OpenRefusal,
    Order,
    Payout,
    Receipt,
    Settlement,
    SettlementRefusal,
    SignedOrder,
    SignedTransaction,
    Slash,
    SlashReason,
)
from assay.chain.transaction import bump, sign_transaction

__all__ = [
    "Block",
    "Chain",
    "ChainError",
    "ChainEvent",
    "ChainUnreachable",
    "Deployment",
    "FeeTooLow",
    "Fees",
    "JobState",
    "LoggedEvent",
    "NonceTaken",
    "OpenRefusal",
    "Order",
    "Payout",
    "Receipt",
    "Reverted",
    "Settlement",
    "SettlementRefusal",
    "SignedOrder",
    "SignedTransaction",
    "Slash",
    "SlashReason",
    "Unfunded",
    "UnknownBlock",
    "bump",
    "encode_open",
    "encode_settle",
    "encode_slash",
    "open_gas",
    "settle_gas",
    "sign_transaction",
    "slash_gas",
]
