"""The answer of a blind audit, and the seal that binds it before anybody else's is known.

The answer is keyed BLAKE3 over the checkpoint that the verifier came to, under a nonce of its own: whoever has only a
published digest cannot make it, and what one verifier answered is no answer to another's nonce.
"""

from collections.abc import Iterable

from blake3 import blake3

from assay.proof.digest import Buffer, prefixed
from assay.schema.values import AuditId, Digest, VerifierId

SEAL = b"assay.audit.seal.1"


def answer(nonce: Digest, checkpoint: bytes) -> Digest:
    """The answer that a checkpoint's bytes are under an audit's nonce."""
    return answer_in_parts(nonce, (checkpoint,))


def answer_in_parts(nonce: Digest, checkpoint: Iterable[Buffer]) -> Digest:
    """As `answer`, of bytes that come in parts however they are cut."""
    found = blake3(key=bytes.fromhex(nonce))
    for part in checkpoint:
        found.update(part)
    return found.hexdigest()


def seal(
    audit_id: AuditId, verifier: VerifierId, answer_: Digest, state: Digest, checkpoint: Digest, salt: Digest
) -> Digest:
    """The digest that binds answer, state and blob to one audit and one speaker, hidden by salt."""
    names = prefixed(audit_id.encode()) + prefixed(verifier.encode())
    return blake3(SEAL + names + b"".join(map(bytes.fromhex, (answer_, state, checkpoint, salt)))).hexdigest()
