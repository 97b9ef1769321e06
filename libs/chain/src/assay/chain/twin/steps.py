"""The twin of the contract Steps: the arithmetic of a step, and the signatures that it rests on."""

from dataclasses import replace

from assay.chain.errors import Reverted
from assay.chain.orders import order_digest
from assay.chain.payment.shapes import Opening, Proof
from assay.chain.payment.values import Evidence, Term
from assay.chain.twin import payment_epochs as epochs
from assay.chain.twin.call import Call
from assay.chain.twin.payment import is_in
from assay.chain.twin.payment_funds import account_of
from assay.chain.values import Order
from assay.chain.words import normal
from assay.proof.keys import BadSignature, recover
from assay.proof.settlement import Charge, Posted, step_leaf, verdict_digest
from assay.proof.settlement_epoch import above
from assay.proof.settlement_tree import Node, plain_climb

FEE_PART_MAX = 20
GRACE_S = 7 * 24 * 3600
ORDER_LIFE_S = 30 * 24 * 3600
FOREVER = 2**64 - 1
NO_TERM = Term(0, 0)


def is_right(call: Call, epoch: Posted, proof: Proof) -> bool:
    """Whether a step keeps the rules and leads to the state it says. Raises Reverted where the proof itself is none."""
    charge = proof.opening.step.charge
    require_step(call, epoch, proof.opening)
    cost = charge.amount + charge.fee
    if charge.fee > cost // FEE_PART_MAX or charge.spent - cost != _spent_before(call, epoch, proof):
        return False
    payer, payee = (account_of(call, who).index for who in (charge.requester, charge.provider))
    is_last = proof.opening.index + 1 < epoch.steps or epoch.state == proof.opening.step.state
    return bool(payer and payee and is_last) and _leads_on(call, epoch, proof, payer, payee)


def _leads_on(call: Call, epoch: Posted, proof: Proof, payer: int, payee: int) -> bool:
    charge, domain = proof.opening.step.charge, epochs.domain_of(call)
    source, target = proof.requester, proof.provider
    if (source.account, target.account) != (charge.requester, charge.provider):
        raise Reverted("WrongProof().")
    if not is_in(call, _state_before(call, epoch, proof), payer, source):
        raise Reverted("WrongProof().")
    debit = source.debit + charge.amount + charge.fee
    if debit > account_of(call, charge.requester).funds_at(epoch.posted_at):
        return False
    middle = above(domain, payer, replace(source, debit=debit))
    if not is_in(call, middle, payee, target):
        raise Reverted("WrongProof().")
    return above(domain, payee, replace(target, credit=target.credit + charge.amount)) == proof.opening.step.state


def _spent_before(call: Call, epoch: Posted, proof: Proof) -> int | None:
    """Returns what the parts of the job cost before this one, or None where they do not follow one another."""
    charge = proof.opening.step.charge
    if charge.part == 0:
        return 0
    if proof.opening.index == 0:
        return None
    _require_previous(call, epoch, proof)
    before = proof.previous.step.charge
    follows = (before.job, before.requester, before.part + 1) == (charge.job, charge.requester, charge.part)
    return before.spent if follows else None


def _state_before(call: Call, epoch: Posted, proof: Proof) -> Node:
    if proof.opening.index > 0:
        _require_previous(call, epoch, proof)
        return proof.previous.step.state
    epochs.check(call, proof.before)
    if proof.before.number + 1 != epoch.number:
        raise Reverted("WrongProof().")
    return proof.before.state


def _require_previous(call: Call, epoch: Posted, proof: Proof) -> None:
    if proof.previous.index + 1 != proof.opening.index:
        raise Reverted("WrongProof().")
    require_step(call, epoch, proof.previous)


def require_step(call: Call, epoch: Posted, opening: Opening) -> None:
    """Nothing, if the step stands at its place in the epoch. Raises Reverted."""
    if opening.index >= epoch.steps or len(opening.path) != (epoch.steps - 1).bit_length():
        raise Reverted("PathLength().")
    leaf = step_leaf(epochs.domain_of(call), epoch.number, opening.index, opening.step)
    if plain_climb(leaf, opening.index, opening.path) != epoch.steps_root:
        raise Reverted("WrongProof().")


def require_evidence(call: Call, epoch: Posted, charge: Charge, evidence: Evidence) -> None:
    """Nothing, if the requester ordered it for that price, in time, and a verdict key says it was earned."""
    is_timely = evidence.deadline - ORDER_LIFE_S <= epoch.posted_at <= evidence.deadline + GRACE_S
    if not is_timely or charge.spent > evidence.price_limit:
        raise Reverted("BadOrder().")
    terms = (evidence.price_limit, evidence.deadline, evidence.spec_digest)
    domain = epochs.domain_of(call)
    order = order_digest(Order(charge.job, charge.requester, *terms), domain)
    if _signer(order, evidence.order_signature) != charge.requester:
        raise Reverted("BadOrder().")
    term = term_of(call, _signer(verdict_digest(domain, charge), evidence.verdict_signature))
    if not term.begins <= epoch.posted_at < term.ends:
        raise Reverted("BadVerdict().")


def term_of(call: Call, key: str | None) -> Term:
    """Returns from when until when verdicts by a key count; the first one was there from the beginning."""
    first = Term(call.begun, FOREVER) if key == call.roles["VERDICT_KEY"] else NO_TERM
    found: Term = call.storage.get(("verdict key", key), first)
    return found


def _signer(digest: bytes, signature: bytes) -> str | None:
    try:
        return normal(recover(digest, "0x" + signature.hex()))
    except BadSignature:
        return None
