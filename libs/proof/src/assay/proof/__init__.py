"""What lets one stranger check another: digests, Merkle trees, signatures, commitments, draws and receipts. Pure."""

from typing import TYPE_CHECKING, Final

from assay.schema.lazily import lazily

if TYPE_CHECKING:
    from assay.proof.commitment import BrokenChain as BrokenChain
    from assay.proof.commitment import chain as chain
    from assay.proof.commitment import check_chain as check_chain
    from assay.proof.commitment import leaf_of as leaf_of
    from assay.proof.commitment import lease_root as lease_root
    from assay.proof.commitment import root_of as root_of
    from assay.proof.digest import blake3_hex as blake3_hex
    from assay.proof.digest import blob_digest as blob_digest
    from assay.proof.digest import state_digest as state_digest
    from assay.proof.digest import tensor_leaf as tensor_leaf
    from assay.proof.eip712 import Domain as Domain
    from assay.proof.eip712 import JobOrder as JobOrder
    from assay.proof.eip712 import order_digest as order_digest
    from assay.proof.eip712 import statement_digest as statement_digest
    from assay.proof.keys import BadSignature as BadSignature
    from assay.proof.keys import Key as Key
    from assay.proof.keys import recover as recover
    from assay.proof.order import check_order as check_order
    from assay.proof.order import sign_order as sign_order
    from assay.proof.order import spec_digest as spec_digest
    from assay.proof.receipt import Statement as Statement
    from assay.proof.receipt import compose as compose
    from assay.proof.receipt import receipt_digest as receipt_digest
    from assay.proof.receipt import seal as seal
    from assay.proof.report import Report as Report
    from assay.proof.report import verify as verify
    from assay.proof.report_reading import Check as Check
    from assay.proof.sampling import detection as detection
    from assay.proof.sampling import draw as draw
    from assay.proof.sampling import seed as seed
    from assay.proof.statement import check_raw as check_raw
    from assay.proof.statement import check_signature as check_signature
    from assay.proof.statement import sign_event as sign_event

HOMES: Final = {
    "commitment": ("BrokenChain", "chain", "check_chain", "leaf_of", "lease_root", "root_of"),
    "digest": ("blake3_hex", "blob_digest", "state_digest", "tensor_leaf"),
    "eip712": ("Domain", "JobOrder", "order_digest", "statement_digest"),
    "keys": ("BadSignature", "Key", "recover"),
    "order": ("check_order", "sign_order", "spec_digest"),
    "receipt": ("Statement", "compose", "receipt_digest", "seal"),
    "report": ("Report", "verify"),
    "report_reading": ("Check",),
    "sampling": ("detection", "draw", "seed"),
    "statement": ("check_raw", "check_signature", "sign_event"),
}
"""Loaded when first asked for: whoever signs pays for no court."""

__getattr__ = lazily(__name__, HOMES)
