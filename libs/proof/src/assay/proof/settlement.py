"""What Payment charges: a job's parts as steps, each leading from one state of all accounts to the next.

The digests are those of the contract: 32-byte words behind a type and the domain of one contract on one chain; leaves
are hashed twice, so that no inner node passes for one.
"""

from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate
from typing import Final, NamedTuple

from assay.proof.eip712 import Domain, address_word, domain_separator, typed_digest, uint_word
from assay.proof.keccak import keccak256
from assay.proof.settlement_tree import EMPTY, Node
from assay.schema.errors import Reject

EPOCH_TYPE: Final = keccak256(b"assay.payment.epoch.1")
ACCOUNT_TYPE: Final = keccak256(b"assay.payment.account.1")
STEP_TYPE: Final = keccak256(b"assay.payment.step.1")
VERDICT_HASH: Final = keccak256(
    b"PaidVerdict(bytes32 jobId,uint32 part,address requester,address provider,uint256 amount,bytes32 receiptDigest)"
)
FEE_PART_MAX: Final = 20


class Payout(NamedTuple):
    """What one part of a job earns its provider, and the fee on top of it."""

    provider: str
    amount: int
    fee: int = 0


class Settlement(NamedTuple):
    """What a finished job costs: its word, who pays, who earns, and the receipt that says so."""

    job: bytes
    requester: str
    payouts: tuple[Payout, ...]
    receipt_digest: bytes


class Charge(NamedTuple):
    """One part of a job, and what all its parts up to this one cost."""

    job: bytes
    part: int
    requester: str
    provider: str
    amount: int
    fee: int
    spent: int
    receipt_digest: bytes


class Step(NamedTuple):
    """A charge, and the state it leads to."""

    charge: Charge
    state: Node


@dataclass(frozen=True, slots=True)
class Posted:
    """An epoch as the chain knows it."""

    number: int
    posted_at: int
    poster: str
    steps: int
    steps_root: bytes
    state: Node


def charges_of(settlement: Settlement) -> tuple[Charge, ...]:
    """The charges of a job, part by part. Raises Reject if it has none or a fee is above its part of the cost."""
    if not settlement.payouts:
        raise Reject("A settlement has at least one payout.")
    for payout in settlement.payouts:
        if payout.amount < 0 or not 0 <= payout.fee <= (payout.amount + payout.fee) // FEE_PART_MAX:
            raise Reject("An amount is not negative, and a fee at most a twentieth of the cost.")
    return as_charged(settlement)


def as_charged(settlement: Settlement) -> tuple[Charge, ...]:
    """The charges of a job, part by part, whether they keep the rules or not."""
    spent = accumulate(payout.amount + payout.fee for payout in settlement.payouts)
    return tuple(
        Charge(settlement.job, part, settlement.requester, *payout, cost, settlement.receipt_digest)
        for part, (payout, cost) in enumerate(zip(settlement.payouts, spent, strict=True))
    )


@lru_cache(maxsize=256)  # who proves a step and who checks it ask for the same four
def account_node(domain: Domain, index: int, account: str, credit: int, debit: int) -> Node:
    """The leaf of an account; one that was neither credited nor debited is empty."""
    if credit == debit == 0:
        return EMPTY
    words = uint_word(index) + address_word(account) + uint_word(credit) + uint_word(debit)
    return Node(twice(ACCOUNT_TYPE + domain_separator(domain) + words), credit, debit)


def step_leaf(domain: Domain, number: int, index: int, step: Step) -> bytes:
    """The leaf of a step at its place in its epoch."""
    words = uint_word(number) + uint_word(index) + charge_words(step.charge) + state_words(step.state)
    return twice(STEP_TYPE + domain_separator(domain) + words)


def epoch_digest(domain: Domain, epoch: Posted) -> bytes:
    """What the chain keeps of an epoch."""
    numbers = uint_word(epoch.number) + uint_word(epoch.posted_at) + address_word(epoch.poster)
    content = numbers + uint_word(epoch.steps) + epoch.steps_root + state_words(epoch.state)
    return keccak256(EPOCH_TYPE + domain_separator(domain) + content)


def verdict_digest(domain: Domain, charge: Charge) -> bytes:
    """The 32 bytes that a verdict key signs to say that a charge was earned."""
    who = address_word(charge.requester) + address_word(charge.provider)
    words = charge.job + uint_word(charge.part) + who + uint_word(charge.amount) + charge.receipt_digest
    return typed_digest(domain, VERDICT_HASH + words)


def charge_words(charge: Charge) -> bytes:
    """A charge as the contract encodes it."""
    who = address_word(charge.requester) + address_word(charge.provider)
    money = uint_word(charge.amount) + uint_word(charge.fee) + uint_word(charge.spent)
    return charge.job + uint_word(charge.part) + who + money + charge.receipt_digest


def state_words(state: Node) -> bytes:
    """A state as the contract encodes it."""
    return state.hash + uint_word(state.credits) + uint_word(state.debits)


def twice(content: bytes) -> bytes:
    """A digest of a digest."""
    return keccak256(keccak256(content))
