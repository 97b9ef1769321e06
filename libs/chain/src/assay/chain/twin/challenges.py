"""The twin of the contract Challenges."""

from collections.abc import Sequence
from typing import Any

from assay.chain.errors import Reverted
from assay.chain.payment import encode, shapes
from assay.chain.payment.events import Answered, DemandMade, VerdictKeySet
from assay.chain.payment.values import Demand, Demanded, Evidence, Term, VoidReason
from assay.chain.twin import payment_epochs as epochs
from assay.chain.twin import steps, token
from assay.chain.twin.call import Call, Function
from assay.chain.twin.payment import is_in
from assay.proof.keccak import keccak256
from assay.proof.settlement import Posted
from assay.proof.settlement_tree import DEPTH, Node, join, packed
from assay.schema.errors import Reject

ANSWER_STEP_S = 60
KEY_DELAY_S = 14 * 24 * 3600


def demand(call: Call, epoch: Sequence[Any], kind: int, index: int) -> None:
    """Demands a step or a leaf, against a bond."""
    posted, digest = _pending(call, epoch)
    if call.now > posted.posted_at + call.terms.windows.window_s:
        raise Reverted(f"WindowOver({posted.number}).")
    if kind == Demanded.STEP and index >= posted.steps:
        raise Reverted("PathLength().")
    if ("demand", digest, kind, index) in call.storage:
        raise Reverted("KnownDemand().")
    latest = call.number("docket", digest) + ANSWER_STEP_S
    deadline = max(call.now + call.terms.windows.answer_s, latest)
    call.storage["demand", digest, kind, index] = Demand(call.sender, deadline)
    call.storage["docket", digest] = deadline
    call.add(1, "open", digest)
    epochs.doubt(call, posted.number, True)
    call.emit(DemandMade(digest, kind, index, call.sender, deadline))
    token.transfer_from(call.by(call.to, call.deployment.native), call.sender, call.to, call.terms.demand_bond)


def answer_step(call: Call, epoch: Sequence[Any], proof: Sequence[Any], evidence: Sequence[Any]) -> None:
    """Answers the demand of a step."""
    posted, digest = _pending(call, epoch)
    shown = shapes.proof_from(proof)
    if not steps.is_right(call, posted, shown):
        raise Reverted("WrongStep().")
    steps.require_evidence(call, posted, shown.opening.step.charge, Evidence(*evidence))
    _answer(call, posted, digest, Demanded.STEP, shown.opening.index)


def answer_leaf(call: Call, epoch: Sequence[Any], index: int, leaf: Sequence[Any]) -> None:
    """Answers the demand of the leaf at an index."""
    posted, digest = _pending(call, epoch)
    if not is_in(call, posted.state, index, shapes.leaf_from(leaf)):
        raise Reverted("WrongProof().")
    _answer(call, posted, digest, Demanded.LEAF, index)


def expire(call: Call, epoch: Sequence[Any], kind: int, index: int) -> None:
    """Voids an epoch of which a demand was not answered in time."""
    posted, digest = _pending(call, epoch)
    item = _open(call, digest, kind, index)
    if call.now <= item.deadline:
        raise Reverted(f"NotYet({item.deadline}).")
    call.storage["demand", digest, kind, index] = Demand(item.challenger, 0)
    epochs.void_epoch(call, posted, VoidReason.UNANSWERED, item.challenger)
    token.transfer(call.by(call.to, call.deployment.native), item.challenger, call.terms.demand_bond)


def take_back(call: Call, digest: bytes, number: int, kind: int, index: int) -> None:
    """Gives back the tokens of a demand of an epoch that is void for another reason."""
    if epochs.known_digest(call, number) == digest:
        raise Reverted(f"AlreadyFinal({number}).")
    item = _open(call, digest, kind, index)
    call.storage["demand", digest, kind, index] = Demand(item.challenger, 0)
    token.transfer(call.by(call.to, call.deployment.native), item.challenger, call.terms.demand_bond)


def prove_step(call: Call, epoch: Sequence[Any], proof: Sequence[Any]) -> None:
    """Voids an epoch by a step that breaks a rule."""
    posted, _ = _pending(call, epoch)
    if steps.is_right(call, posted, shapes.proof_from(proof)):
        raise Reverted("NothingWrong().")
    epochs.void_epoch(call, posted, VoidReason.WRONG_STEP, call.sender)


def prove_sum(
    call: Call, epoch: Sequence[Any], level: int, index: int, sums: int, left: Any, right: Any, branch: Any
) -> None:
    """Voids an epoch by a node that is not the sum of its two children."""
    posted, _ = _pending(call, epoch)
    if not 0 < level <= DEPTH:
        raise Reverted("PathLength().")
    children = shapes.node_from(left), shapes.node_from(right)
    node = Node(keccak256(packed(children[0]) + packed(children[1])), sums >> 128, sums & shapes.LOW)
    if climb_from(node, index, level, shapes.branch_from(branch)) != posted.state:
        raise Reverted("WrongProof().")
    added = children[0].credits + children[1].credits, children[0].debits + children[1].debits
    if added == (node.credits, node.debits):
        raise Reverted("NothingWrong().")
    epochs.void_epoch(call, posted, VoidReason.WRONG_SUM, call.sender)


def prove_twice(call: Call, first: Any, once: Any, second: Any, again: Any) -> None:
    """Voids the second epoch by a charge that was made before."""
    earlier = shapes.epoch_from(first)
    epochs.check(call, earlier)
    later, _ = _pending(call, second)
    one, two = shapes.opening_from(once), shapes.opening_from(again)
    steps.require_step(call, earlier, one)
    steps.require_step(call, later, two)
    is_before = (earlier.number, one.index) < (later.number, two.index)
    charges = [(c.job, c.requester, c.part) for c in (one.step.charge, two.step.charge)]
    if not is_before or charges[0] != charges[1]:
        raise Reverted("NothingWrong().")
    epochs.void_epoch(call, later, VoidReason.CHARGED_TWICE, call.sender)


def add_verdict_key(call: Call, key: str) -> None:
    """Lets verdicts by a key count for epochs that are posted after a delay."""
    call.demand_role("DEFAULT_ADMIN_ROLE")
    if int(key, 16) == 0 or steps.term_of(call, key).ends:
        raise Reverted(f"BadKey({key}).")
    _set_key(call, key, Term(call.now + KEY_DELAY_S, steps.FOREVER))


def end_verdict_key(call: Call, key: str) -> None:
    """Ends that for epochs that are posted from now on."""
    call.demand_role("DEFAULT_ADMIN_ROLE")
    _set_key(call, key, Term(steps.term_of(call, key).begins, call.now + 1))


def climb_from(node: Node, index: int, level: int, branch: Any) -> Node:
    """Returns the root above a node that stands on a level. Raises Reverted."""
    if branch.mask >> (DEPTH - level) or branch.mask.bit_count() != len(branch.siblings):
        raise Reverted("BranchLength().")
    siblings = iter(branch.siblings)
    for depth in range(DEPTH - level):
        sibling = next(siblings) if branch.mask >> depth & 1 else Node(bytes(32), 0, 0)
        try:
            node = join(sibling, node) if index >> depth & 1 else join(node, sibling)
        except Reject as error:
            raise Reverted("SumOverflow().") from error
    return node


def _set_key(call: Call, key: str, term: Term) -> None:
    call.storage["verdict key", key] = term
    call.emit(VerdictKeySet(key, term.begins, term.ends))


def _pending(call: Call, fields: Sequence[Any]) -> tuple[Posted, bytes]:
    posted = shapes.epoch_from(fields)
    digest, is_final = epochs.check(call, posted)
    if is_final:
        raise Reverted(f"AlreadyFinal({posted.number}).")
    return posted, digest


def _open(call: Call, digest: bytes, kind: int, index: int) -> Demand:
    item: Demand | None = call.storage.get(("demand", digest, kind, index))
    if item is None or item.deadline == 0:
        raise Reverted("NoDemand().")
    return item


def _answer(call: Call, posted: Posted, digest: bytes, kind: int, index: int) -> None:
    item = _open(call, digest, kind, index)
    call.storage["demand", digest, kind, index] = Demand(item.challenger, 0)
    call.add(-1, "open", digest)
    if call.number("open", digest) == 0:
        epochs.doubt(call, posted.number, False)
    call.emit(Answered(digest, kind, index))
    token.transfer(call.by(call.to, call.deployment.native), call.sender, call.terms.demand_bond)


CHALLENGES: dict[str, Function] = {
    encode.signature_of("demand", encode.DEMAND): demand,
    encode.signature_of("expire", encode.DEMAND): expire,
    encode.signature_of("answerStep", encode.ANSWER_STEP): answer_step,
    encode.signature_of("answerLeaf", encode.ANSWER_LEAF): answer_leaf,
    "takeBack(bytes32,uint64,uint8,uint32)": take_back,
    encode.signature_of("proveStep", encode.PROVE_STEP): prove_step,
    encode.signature_of("proveSum", encode.PROVE_SUM): prove_sum,
    encode.signature_of("proveTwice", encode.PROVE_TWICE): prove_twice,
    "addVerdictKey(address)": add_verdict_key,
    "endVerdictKey(address)": end_verdict_key,
}
