"""Planted audits: segments whose answer is known, given to a verifier that cannot tell them from others. Pure.

Which verdicts are followed by one, and the nonces of all audits, follow from a secret of the service: no verifier can
tell what it is asked, and a repeated step asks the same.
"""

from blake3 import blake3

from assay.schema.values import Digest

NONCE, PLANT = b"assay.audit.nonce.1", b"assay.audit.plant.1"
MILLION = 1_000_000
SPOIL, LOOK = b"assay.audit.spoil.1", b"assay.audit.look.1"
TRACE = b"assay.audit.trace.1"
SCALE = 2**64
SPOILED_OF = 4
"""Of so many planted claims all but one are spoiled, so that who finds nothing wrong in any is found out."""


def nonce_of(secret: bytes, audit_id: str) -> Digest:
    """The nonce under which an audit is answered."""
    return blake3(NONCE + audit_id.encode(), key=secret).hexdigest()


def look_seed(seed: Digest, question_id: str) -> Digest:
    """The seed that draws what of a claim is looked at: known to nobody before the epoch's."""
    return blake3(LOOK + bytes.fromhex(seed) + question_id.encode()).hexdigest()


def trace_seed(block_hash: Digest, seed: Digest, question_id: str) -> Digest:
    """The seed that draws what of a trace is looked at: of a block after all traces of the epoch were opened."""
    return blake3(TRACE + bytes.fromhex(block_hash) + bytes.fromhex(seed) + question_id.encode()).hexdigest()


def spoil_seed(secret: bytes, question_id: str) -> Digest | None:
    """The seed by which what is shown of a planted claim is made false; None for one that is shown as it is."""
    digest = blake3(SPOIL + question_id.encode(), key=secret).digest()
    return digest.hex() if digest[0] % SPOILED_OF else None


def is_planted(secret: bytes, seed: Digest, question_id: str, planted_ppm: int) -> bool:
    """Whether a question that was answered truly is asked again of another, so that such are that share of all."""
    if planted_ppm <= 0:
        return False
    content = PLANT + bytes.fromhex(seed) + question_id.encode()
    number = int.from_bytes(blake3(content, key=secret).digest(8), "big")
    return number * max(MILLION - planted_ppm, 1) < planted_ppm * SCALE
