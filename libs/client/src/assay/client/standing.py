"""Where an account stands in Payment: its leaf in the newest epoch that is final or can be made so.

Settlement hands it out, and nobody has to believe it: the contract pays and lets go by a leaf of its own root alone.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from assay.chain.payment.shapes import NO_EPOCH
from assay.proof.settlement import Posted
from assay.proof.settlement_epoch import Leaf
from assay.proof.settlement_tree import Branch, Node

EMPTY_BRANCH = Branch(0, ())


@dataclass(frozen=True, slots=True)
class Standing:
    """An account's leaf in an epoch, and the epoch after that one, which is NO_EPOCH where there is none."""

    epoch: Posted
    after: Posted
    leaf: Leaf


def before_all(account: str) -> Standing:
    """Where an account stands before anything was posted: nowhere, and everybody can tell."""
    return Standing(NO_EPOCH, NO_EPOCH, Leaf(account, 0, 0, EMPTY_BRANCH))


def read_standing(answer: Mapping[str, Any]) -> Standing:
    """The standing that settlement answers with."""
    branch = Branch(answer["mask"], tuple(map(read_node, answer["siblings"])))
    leaf = Leaf(answer["account"], answer["credit"], answer["debit"], branch)
    after = answer["next"]
    return Standing(read_epoch(answer["epoch"]), read_epoch(after) if after else NO_EPOCH, leaf)


def read_epoch(said: Mapping[str, Any]) -> Posted:
    """An epoch as the chain knows it."""
    state = Node(bytes.fromhex(said["root"]), said["credits"], said["debits"])
    who = (said["number"], said["posted_at"], said["poster"], said["steps"])
    return Posted(*who, bytes.fromhex(said["steps_root"]), state)


def read_node(said: Mapping[str, Any]) -> Node:
    """A node of the tree."""
    return Node(bytes.fromhex(said["hash"]), said["credits"], said["debits"])
