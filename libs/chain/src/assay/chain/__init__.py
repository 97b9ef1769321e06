"""The EVM chain: Assay's contracts, a typed client, and a twin of both in memory; the only importer of web3.

Light parts are re-exported here; whoever sends imports `assay.chain.client`, `assay.chain.deploy`,
`assay.chain.wallet` or `assay.chain.memory`, so that web3 is loaded only where it is used.
"""

from typing import TYPE_CHECKING, Final

from assay.schema.lazily import lazily

if TYPE_CHECKING:
    from assay.chain.encode import encode_anchor as encode_anchor
    from assay.chain.errors import ChainError as ChainError
    from assay.chain.errors import ChainUnreachable as ChainUnreachable
    from assay.chain.errors import FeeTooLow as FeeTooLow
    from assay.chain.errors import NonceTaken as NonceTaken
    from assay.chain.errors import Reverted as Reverted
    from assay.chain.errors import Unfunded as Unfunded
    from assay.chain.errors import UnknownBlock as UnknownBlock
    from assay.chain.gas import anchor_gas as anchor_gas
    from assay.chain.port import Anchor as Anchor
    from assay.chain.port import AnchorRefusal as AnchorRefusal
    from assay.chain.port import Block as Block
    from assay.chain.port import Chain as Chain
    from assay.chain.port import ChainEvent as ChainEvent
    from assay.chain.port import Deployment as Deployment
    from assay.chain.port import Fees as Fees
    from assay.chain.port import LoggedEvent as LoggedEvent
    from assay.chain.port import Order as Order
    from assay.chain.port import Receipt as Receipt
    from assay.chain.port import SignedTransaction as SignedTransaction
    from assay.chain.port import SlashReason as SlashReason
    from assay.chain.transaction import bump as bump
    from assay.chain.transaction import sign_transaction as sign_transaction

HOMES: Final = {
    "encode": ("encode_anchor",),
    "errors": ("ChainError", "ChainUnreachable", "FeeTooLow", "NonceTaken", "Reverted", "Unfunded", "UnknownBlock"),
    "gas": ("anchor_gas",),
    "port": (
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
        "SignedTransaction",
        "SlashReason",
    ),
    "transaction": ("bump", "sign_transaction"),
}
"""Loaded when first asked for: a reader of the types pays for no encoder, and for no web3."""

__getattr__ = lazily(__name__, HOMES)
