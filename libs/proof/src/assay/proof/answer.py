"""The answer of a blind audit, and the seal that binds it before anybody else's is known.

The answer is keyed BLAKE3 over the checkpoint that the verifier came to, under a nonce of its own: whoever has only a
published digest cannot make it, and what one verifier answered is no answer to another's nonce.
"""

from blake3 import blake3

from assay.proof.digest import prefixed
from assay.schema.values import AuditId, Digest, VerifierId

SEAL = b"assay.audit.seal.1"


def answer(nonce: Digest, checkpoint: bytes) -> Digest:
    """The answer that a checkpoint's bytes are under an audit's nonce."""
    return blake3(checkpoint, key=bytes.fromhex(nonce)).hexdigest()


def seal(
    audit_id: AuditId, verifier: VerifierId, answer_: Digest, state: Digest, checkpoint: Digest, salt: Digest
) -> Digest:
    """The digest that binds answer, state and blob to one audit and one speaker, hidden by salt."""
    names = prefixed(audit_id.encode()) + prefixed(verifier.encode())
    return blake3(SEAL + names + b"".join(map(bytes.fromhex, (answer_, state, checkpoint, salt)))).hexdigest()
