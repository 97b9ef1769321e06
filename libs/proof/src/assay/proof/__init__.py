"""What lets one stranger check another: digests, Merkle trees, signatures, commitments, draws and receipts. Pure."""

from assay.proof.commitment import BrokenChain, chain, check_chain, leaf_of, lease_root, root_of
from assay.proof.digest import blake3_hex, blob_digest, state_digest, tensor_leaf
from assay.proof.eip712 import Domain, JobOrder, order_digest, statement_digest
from assay.proof.keys import BadSignature, Key, recover
from assay.proof.order import check_order, sign_order, spec_digest
from assay.proof.receipt import Statement, compose, receipt_digest, seal
from assay.proof.report import Report, verify
from assay.proof.report_reading import Check
from assay.proof.sampling import cheat_profit, cost_share, detection, draw, seed
from assay.proof.statement import check_raw, check_signature, sign_event

__all__ = [
    "BadSignature",
    "BrokenChain",
    "Check",
    "Domain",
    "JobOrder",
    "Key",
    "Report",
    "Statement",
    "blake3_hex",
    "blob_digest",
    "chain",
    "cheat_profit",
    "check_chain",
    "check_order",
    "check_raw",
    "check_signature",
    "compose",
    "cost_share",
    "detection",
    "draw",
    "leaf_of",
    "lease_root",
    "order_digest",
    "receipt_digest",
    "recover",
    "root_of",
    "seal",
    "seed",
    "sign_event",
    "sign_order",
    "spec_digest",
    "state_digest",
    "statement_digest",
    "tensor_leaf",
    "verify",
]
