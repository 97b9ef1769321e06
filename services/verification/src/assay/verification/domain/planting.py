"""Planted audits: segments whose answer is known, given to a verifier that cannot tell them from others. Pure.

Which verdicts are followed by one, and the nonces of all audits, follow from a secret of the service: no verifier can
tell what it is asked, and a repeated step asks the same.
"""

from blake3 import blake3

from assay.schema.values import Digest

NONCE, PLANT = b"assay.audit.nonce.1", b"assay.audit.plant.1"
MILLION = 1_000_000
SCALE = 2**64


def nonce_of(secret: bytes, audit_id: str) -> Digest:
    """The nonce under which an audit is answered."""
    return blake3(NONCE + audit_id.encode(), key=secret).hexdigest()


def is_planted(secret: bytes, seed: Digest, question_id: str, planted_ppm: int) -> bool:
    """Whether a question that was answered truly is asked again of another, so that such are that share of all."""
    if planted_ppm <= 0:
        return False
    content = PLANT + bytes.fromhex(seed) + question_id.encode()
    number = int.from_bytes(blake3(content, key=secret).digest(8), "big")
    return number * max(MILLION - planted_ppm, 1) < planted_ppm * SCALE
