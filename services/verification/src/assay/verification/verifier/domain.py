"""What a verifier says. Pure."""

from collections.abc import Iterable

from assay.proof import answer as proof
from assay.proof.digest import Buffer
from assay.schema.audit import AuditAssigned, AuditDeclined, AuditRevealed, AuditSealed
from assay.schema.values import Digest


def answer_of(
    assigned: AuditAssigned, state: Digest, checkpoint: Digest, content: Iterable[Buffer], salt: Digest, compute_ms: int
) -> AuditRevealed:
    """What will be revealed of a segment that was run to `content`, which comes in parts."""
    return AuditRevealed(
        audit_id=assigned.audit_id,
        verifier=assigned.verifier,
        answer=proof.answer_in_parts(assigned.nonce, content),
        state=state,
        checkpoint=checkpoint,
        salt=salt,
        compute_ms=compute_ms,
    )


def seal_of(answer: AuditRevealed) -> AuditSealed:
    """The statement that binds an answer before it is revealed."""
    names = (answer.audit_id, answer.verifier)
    seal = proof.seal(*names, answer.answer, answer.state, answer.checkpoint, answer.salt)
    return AuditSealed(audit_id=answer.audit_id, verifier=answer.verifier, seal=seal)


def decline(assigned: AuditAssigned, code: str, reason: str) -> AuditDeclined:
    """The statement that this machine cannot."""
    names = {"audit_id": assigned.audit_id, "verifier": assigned.verifier}
    return AuditDeclined(**names, code=code, reason=reason[:400])
