"""Appeal against a judgement by default: the clerk's receipt shows that the move was there in time.

Other judgements rest on nothing but what was signed and opened, so that there is nothing to be appealed. A library: the
network's clerk signs no receipts (docs/adr/0009-court.md); appeals of what verifiers decided are the service's own.
"""

from dataclasses import dataclass, replace
from typing import Final

from assay.proof.court.game import Dispute, advance
from assay.proof.court.moves import Signed
from assay.proof.court.terms import Terms
from assay.proof.court.wire import write_move
from assay.proof.eip712 import typed_digest, uint_word
from assay.proof.keccak import keccak256
from assay.proof.keys import Key, recover
from assay.schema.errors import Refused

RECEIPT_HASH: Final = keccak256(b"MoveReceipt(bytes32 move,uint256 receivedS)")


@dataclass(frozen=True)
class MoveReceipt:
    """The clerk's word that a move was received at a time, in seconds."""

    received_s: int
    signature: str


def sign_receipt(clerk: Key, terms: Terms, signed: Signed, received_s: int) -> MoveReceipt:
    """The clerk's receipt for a move, which its sender keeps."""
    return MoveReceipt(received_s, clerk.sign(_digest(terms, signed, received_s)))


def appeal(dispute: Dispute, signed: Signed, receipt: MoveReceipt, now: int) -> Dispute:
    """The dispute as if the move had been counted when it was received, with a fresh deadline. Raises Refused."""
    if dispute.before is None or not dispute.is_over:
        raise Refused("court.unappealable", "Only a judgement by default can be appealed.")
    if now > dispute.deadline_s:
        raise Refused("court.unappealable", f"The time to appeal ended at {dispute.deadline_s}.")
    if recover(_digest(dispute.terms, signed, receipt.received_s), receipt.signature) != dispute.terms.clerk.lower():
        raise Refused("court.unappealable", "The receipt is not the clerk's, or for another move.")
    resumed = advance(dispute.before, signed, receipt.received_s)
    return replace(resumed, deadline_s=now + (resumed.deadline_s - receipt.received_s))


def _digest(terms: Terms, signed: Signed, received_s: int) -> bytes:
    return typed_digest(terms.domain, RECEIPT_HASH + keccak256(write_move(signed)) + uint_word(received_s))
