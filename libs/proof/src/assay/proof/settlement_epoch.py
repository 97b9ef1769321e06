"""Epochs of Payment: built from settlements, proven step by step and account by account, and recomputed by anyone.

A book is what all accounts were credited and debited so far. An epoch follows from the book before it and a list of
settlements alone, so whoever has both can say whether a root that was posted is theirs. However settlements are split
into epochs, the book after them is the same.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Self

from assay.proof.eip712 import Domain
from assay.proof.settlement import FEE_PART_MAX, Charge, Posted, Settlement, Step, account_node, charges_of, step_leaf
from assay.proof.settlement_tree import (
    DEPTH,
    Branch,
    Node,
    SumTree,
    climb,
    crest,
    height_of,
    lift,
    plain_climb,
    plain_levels,
    plain_path,
    plain_path_in,
    plain_root,
)
from assay.schema.errors import Reject


@dataclass(frozen=True, slots=True)
class Leaf:
    """What an account was credited and debited, and where it stands in a state."""

    account: str
    credit: int
    debit: int
    branch: Branch


@dataclass(frozen=True, slots=True)
class StepProof:
    """A step, the one before it in its epoch (none for the first), and the leaves that it changes."""

    index: int
    step: Step
    path: tuple[bytes, ...]
    previous: Step | None
    previous_path: tuple[bytes, ...]
    requester: Leaf
    provider: Leaf


@dataclass(slots=True)
class Book:
    """All accounts: the place that the contract gave each, and what it was credited and debited so far."""

    domain: Domain
    places: Mapping[str, int]
    tree: SumTree = field(default_factory=SumTree)
    sums: dict[str, tuple[int, int]] = field(default_factory=dict)

    @classmethod
    def of(cls, domain: Domain, places: Mapping[str, int], sums: Mapping[str, tuple[int, int]]) -> Self:
        """The book in which accounts were credited and debited so much. Raises Reject if one has no place."""
        book = cls(domain, places, sums=dict(sums))
        at = {account: book.place(account) for account in sums}
        leaves = {place: account_node(domain, place, account, *sums[account]) for account, place in at.items()}
        book.tree = SumTree.of(leaves)
        return book

    @property
    def state(self) -> Node:
        """The root of all accounts."""
        return self.tree.root

    def copy(self, places: Mapping[str, int] | None = None) -> Self:
        """A book of the same accounts that changes by itself, with places for those that have joined."""
        return type(self)(self.domain, self.places if places is None else places, self.tree.copy(), dict(self.sums))

    def leaf(self, account: str) -> Leaf:
        """An account's leaf. Raises Reject if it has no place."""
        return Leaf(account, *self.sums.get(account, (0, 0)), self.tree.branch(self.place(account)))

    def place(self, account: str) -> int:
        """An account's index in the tree. Raises Reject if it has none."""
        if (place := self.places.get(account)) is None:
            raise Reject(f"{account} is not registered: it has no place in the tree.")
        return place

    def debit(self, charge: Charge) -> None:
        """Nothing; the requester has paid for the charge."""
        self._add((charge.requester, 0, charge.amount + charge.fee))

    def credit(self, charge: Charge) -> None:
        """Nothing; the provider has earned the charge."""
        self._add((charge.provider, charge.amount, 0))

    def move(self, charge: Charge) -> None:
        """Nothing; the requester has paid for the charge and its provider earned it: half the work of one by one."""
        self._add((charge.requester, 0, charge.amount + charge.fee), (charge.provider, charge.amount, 0))

    def _add(self, *parts: tuple[str, int, int]) -> None:
        places = {account: self.place(account) for account, _, _ in parts}
        for account, credit, debit in parts:
            had_credit, had_debit = self.sums.get(account, (0, 0))
            self.sums[account] = (had_credit + credit, had_debit + debit)
        self.tree.put({at: account_node(self.domain, at, who, *self.sums[who]) for who, at in places.items()})


@dataclass(frozen=True, slots=True)
class Epoch:
    """The steps of one epoch, and what is posted of them."""

    number: int
    steps: tuple[Step, ...]
    leaves: tuple[bytes, ...]
    steps_root: bytes
    state: Node


def build(before: Book, number: int, settlements: Sequence[Settlement]) -> tuple[Epoch, Book]:
    """The epoch that charges these settlements in their order, and the book after it; `before` stays as it is.

    Raises Reject if there are none, a job stands there twice, or somebody has no place in the tree.
    """
    if not settlements:
        raise Reject("An epoch has at least one settlement.")
    if len({(each.requester, each.job) for each in settlements}) < len(settlements):
        raise Reject("A job is settled once.")
    return lay(before, number, [charge for each in settlements for charge in charges_of(each)])


def lay(before: Book, number: int, charges: Sequence[Charge]) -> tuple[Epoch, Book]:
    """The epoch of these charges, whether they keep the rules or not, and the book after it.

    Raises Reject if somebody has no place in the tree.
    """
    after, steps = before.copy(), []
    for charge in charges:
        after.move(charge)
        steps.append(Step(charge, after.state))
    leaves = tuple(step_leaf(before.domain, number, index, step) for index, step in enumerate(steps))
    return Epoch(number, tuple(steps), leaves, plain_root(leaves), after.state), after


def prove_step(before: Book, epoch: Epoch, index: int) -> StepProof:
    """The proof that answers the demand of a step. Raises IndexError if it is none."""
    path = plain_path(epoch.leaves, index)
    book = before.copy()
    for step in epoch.steps[:index]:
        book.move(step.charge)
    charge = epoch.steps[index].charge
    requester = book.leaf(charge.requester)
    book.debit(charge)
    previous = epoch.steps[index - 1] if index else None
    previous_path = plain_path(epoch.leaves, index - 1) if index else ()
    return StepProof(index, epoch.steps[index], path, previous, previous_path, requester, book.leaf(charge.provider))


def proofs(before: Book, epoch: Epoch) -> Iterator[StepProof]:
    """The proof of each step, in their order."""
    book, levels = before.copy(), list(plain_levels(epoch.leaves))
    paths = [plain_path_in(levels, index) for index in range(len(epoch.leaves))]
    for index, step in enumerate(epoch.steps):
        requester = book.leaf(step.charge.requester)
        book.debit(step.charge)
        provider = book.leaf(step.charge.provider)
        book.credit(step.charge)
        previous, previous_path = (epoch.steps[index - 1], paths[index - 1]) if index else (None, ())
        yield StepProof(index, step, paths[index], previous, previous_path, requester, provider)


def is_lawful(proof: StepProof, funds: int) -> bool:
    """Whether a step's money keeps the rules: its fee, what its job spent so far, what its requester has.

    `funds` is what the requester's deposit covers by then, with all that it was ever debited.
    """
    charge = proof.step.charge
    cost, before = charge.amount + charge.fee, proof.previous.charge if proof.previous else None
    follows = before is not None and (before.job, before.requester) == (charge.job, charge.requester)
    if charge.part and not (before and follows and before.part + 1 == charge.part):
        return False
    spent = before.spent if before and charge.part else 0
    is_covered = proof.requester.debit + cost <= funds
    return charge.fee <= cost // FEE_PART_MAX and charge.spent == spent + cost and is_covered


def is_in(domain: Domain, state: Node, place: int, leaf: Leaf) -> bool:
    """Whether an account's leaf stands in a state at its place."""
    return above(domain, place, leaf) == state


def is_right(book: Book, posted: Posted, before: Node, proof: StepProof) -> bool:
    """Whether a step stands in a posted epoch and leads from the state before it to its own, by the proof alone.

    Of `book` only domain and places are used; `before` is the state of the epoch before, for its first step.
    """
    if not is_step(book.domain, posted, proof.index, proof.step, proof.path):
        return False
    if proof.previous is not None:
        if not is_step(book.domain, posted, proof.index - 1, proof.previous, proof.previous_path):
            return False
        before = proof.previous.state
    elif proof.index:
        return False
    return leads(book, before, proof)


def leads(book: Book, before: Node, proof: StepProof) -> bool:
    """Whether a step leads from that state to its own, by the leaves that are proven for it.

    The state between the two leaves is compared below the level from which on both have the same way up.
    """
    charge = proof.step.charge
    payer, payee = book.place(charge.requester), book.place(charge.provider)
    if (proof.requester.account, proof.provider.account) != (charge.requester, charge.provider):
        return False
    height = max(height_of(payer, proof.requester.branch), height_of(payee, proof.provider.branch))
    debited = replace(proof.requester, debit=proof.requester.debit + charge.amount + charge.fee)
    credited = replace(proof.provider, credit=proof.provider.credit + charge.amount)
    ways = ((payer, proof.requester), (payer, debited), (payee, proof.provider), (payee, credited))
    had, middle, met, top = (crest(node_of(book.domain, at, leaf), at, leaf.branch, height) for at, leaf in ways)
    first, last = (lift(node, DEPTH - height) for node in (had, top))
    return (first, met, last) == (before, middle, proof.step.state)


def is_laid(domain: Domain, epoch: Epoch) -> bool:
    """Whether the root that is posted of an epoch stands over its very steps."""
    leaves = [step_leaf(domain, epoch.number, index, step) for index, step in enumerate(epoch.steps)]
    return plain_root(leaves) == epoch.steps_root


def is_step(domain: Domain, posted: Posted, index: int, step: Step, path: Sequence[bytes]) -> bool:
    """Whether a step stands at its place among the steps of a posted epoch."""
    if not 0 <= index < posted.steps or len(path) != (posted.steps - 1).bit_length():
        return False
    return plain_climb(step_leaf(domain, posted.number, index, step), index, path) == posted.steps_root


def above(domain: Domain, place: int, leaf: Leaf) -> Node:
    """The state in which a leaf stands at a place by its branch. Raises Reject if the branch is none."""
    return climb(node_of(domain, place, leaf), place, leaf.branch)


def node_of(domain: Domain, place: int, leaf: Leaf) -> Node:
    """A leaf as the tree has it at a place."""
    return account_node(domain, place, leaf.account, leaf.credit, leaf.debit)


def recompute(start: Book, epochs: Iterable[Sequence[Settlement]]) -> Book:
    """The book after these epochs, from their settlements alone."""
    book = start
    for number, settlements in enumerate(epochs, 1):
        _, book = build(book, number, settlements)
    return book


def posted_as(epoch: Epoch, posted_at: int, poster: str) -> Posted:
    """An epoch as the chain knows it once `poster` has posted it at that second."""
    return Posted(epoch.number, posted_at, poster, len(epoch.steps), epoch.steps_root, epoch.state)
