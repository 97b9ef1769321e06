"""The calls of Payment and Challenges whose arguments are structs, as calldata; pure."""

from collections.abc import Sequence
from typing import Any, Final

from eth_abi.abi import encode

from assay.chain.payment import shapes
from assay.chain.payment.shapes import EPOCH, EVIDENCE, LEAF, NODE, OPENING, PROOF, Opening, Proof
from assay.chain.payment.values import Demanded, Evidence
from assay.chain.words import selector
from assay.proof.settlement import Posted
from assay.proof.settlement_epoch import Leaf
from assay.proof.settlement_tree import Branch, Node

POST: Final = ("uint64", NODE, "bytes32")
EPOCH_ONLY: Final = (EPOCH,)
PAY: Final = (EPOCH, f"{LEAF}[]")
WITHDRAW: Final = (EPOCH, EPOCH, LEAF)
DEMAND: Final = (EPOCH, "uint8", "uint32")
ANSWER_STEP: Final = (EPOCH, PROOF, EVIDENCE)
ANSWER_LEAF: Final = (EPOCH, "uint32", LEAF)
PROVE_STEP: Final = (EPOCH, PROOF)
PROVE_SUM: Final = (EPOCH, "uint256", "uint256", "uint256", NODE, NODE, shapes.BRANCH)
PROVE_TWICE: Final = (EPOCH, OPENING, EPOCH, OPENING)
DEPOSIT_WITH_PERMIT: Final = ("address", "uint256", "uint256", "uint8", "bytes32", "bytes32")
EXIT_BY_SIG: Final = ("address", "uint256", "uint256", "bytes")
STAY_BY_SIG: Final = ("address", "uint256", "bytes")


def encode_post(number: int, state: Node, steps_root: bytes, steps: int) -> bytes:
    """Returns the call that posts the next epoch, which `number` must be."""
    return _call("post", POST, number << 32 | steps, shapes.node_fields(state), steps_root)


def encode_finalise(epoch: Posted) -> bytes:
    """Returns the call that makes an epoch and all before it final."""
    return _call("finalise", EPOCH_ONLY, shapes.epoch_fields(epoch))


def encode_pay(epoch: Posted, leaves: Sequence[Leaf]) -> bytes:
    """Returns the call that pays these accounts what a final epoch credits them."""
    return _call("pay", PAY, shapes.epoch_fields(epoch), [shapes.leaf_fields(leaf) for leaf in leaves])


def encode_pay_fees(epoch: Posted) -> bytes:
    """Returns the call that sends the fees up to a final epoch to the treasury."""
    return _call("payFees", EPOCH_ONLY, shapes.epoch_fields(epoch))


def encode_withdraw(last: Posted, next_: Posted, leaf: Leaf) -> bytes:
    """Returns the call that sends the leaf's account what it announced; `next_` is ignored if there is none."""
    return _call("withdraw", WITHDRAW, shapes.epoch_fields(last), shapes.epoch_fields(next_), shapes.leaf_fields(leaf))


def encode_deposit_with_permit(requester: str, amount: int, deadline_s: int, signature: str) -> bytes:
    """Returns the call that deposits for a requester what its permit lets Payment take."""
    raw = bytes.fromhex(signature.removeprefix("0x"))
    return _call("depositWithPermit", DEPOSIT_WITH_PERMIT, requester, amount, deadline_s, raw[64], raw[:32], raw[32:64])


def encode_exit_by_sig(requester: str, amount: int, deadline_s: int, signature: str) -> bytes:
    """Returns the call that announces for a requester what it signed that it takes out."""
    raw = bytes.fromhex(signature.removeprefix("0x"))
    return _call("requestExitBySig", EXIT_BY_SIG, requester, amount, deadline_s, raw)


def encode_exit_at_once(requester: str, amount: int, deadline_s: int, signature: str) -> bytes:
    """Returns the call by which a poster announces for a requester what it signed that it takes out, with no notice."""
    raw = bytes.fromhex(signature.removeprefix("0x"))
    return _call("requestExitAtOnceBySig", EXIT_BY_SIG, requester, amount, deadline_s, raw)


def encode_stay_by_sig(requester: str, deadline_s: int, signature: str) -> bytes:
    """Returns the call that takes a requester's announcement back, as it signed."""
    return _call("cancelExitBySig", STAY_BY_SIG, requester, deadline_s, bytes.fromhex(signature.removeprefix("0x")))


def encode_demand(epoch: Posted, kind: Demanded, index: int) -> bytes:
    """Returns the call that demands a step or a leaf."""
    return _call("demand", DEMAND, shapes.epoch_fields(epoch), kind, index)


def encode_expire(epoch: Posted, kind: Demanded, index: int) -> bytes:
    """Returns the call that voids an epoch of which a demand was not answered in time."""
    return _call("expire", DEMAND, shapes.epoch_fields(epoch), kind, index)


def encode_answer_step(epoch: Posted, proof: Proof, evidence: Evidence) -> bytes:
    """Returns the call that answers the demand of a step."""
    fields = shapes.proof_fields(proof), shapes.evidence_fields(evidence)
    return _call("answerStep", ANSWER_STEP, shapes.epoch_fields(epoch), *fields)


def encode_answer_leaf(epoch: Posted, index: int, leaf: Leaf) -> bytes:
    """Returns the call that answers the demand of the leaf at an index."""
    return _call("answerLeaf", ANSWER_LEAF, shapes.epoch_fields(epoch), index, shapes.leaf_fields(leaf))


def encode_prove_step(epoch: Posted, proof: Proof) -> bytes:
    """Returns the call that voids an epoch by a step that breaks a rule."""
    return _call("proveStep", PROVE_STEP, shapes.epoch_fields(epoch), shapes.proof_fields(proof))


def encode_prove_sum(
    epoch: Posted, level: int, index: int, sums: Node, left: Node, right: Node, branch: Branch
) -> bytes:
    """Returns the call that voids an epoch by a node whose `sums` are not those of its children."""
    nodes = shapes.node_fields(sums)[1], shapes.node_fields(left), shapes.node_fields(right)
    return _call("proveSum", PROVE_SUM, shapes.epoch_fields(epoch), level, index, *nodes, shapes.branch_fields(branch))


def encode_prove_twice(first: Posted, once: Opening, second: Posted, again: Opening) -> bytes:
    """Returns the call that voids the second epoch by a charge that was made before."""
    before = shapes.epoch_fields(first), shapes.opening_fields(once)
    return _call("proveTwice", PROVE_TWICE, *before, shapes.epoch_fields(second), shapes.opening_fields(again))


def signature_of(name: str, types: Sequence[str]) -> str:
    """Returns what a function is called by."""
    return f"{name}({','.join(types)})"


def _call(name: str, types: Sequence[str], *values: Any) -> bytes:
    return selector(signature_of(name, types)) + encode(types, values)
