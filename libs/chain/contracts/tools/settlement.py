"""Writes test/vectors/settlement.bin: two epochs built in Python, with all proofs, for the contracts to agree with.

The content is ABI-encoded: (address payment, address[] accounts, bytes[] epochs), an epoch being (epoch, bytes[]
proofs, bytes leaves) and each of these encoded by itself. `python tools/settlement.py` writes the file, which is
checked in; a test of libs/chain holds it to this generator.
"""

import random
from pathlib import Path
from typing import Any, Final

from eth_abi import encode

from assay.proof.eip712 import Domain
from assay.proof.settlement import Payout, Posted, Settlement, Step
from assay.proof.settlement_epoch import Book, Epoch, Leaf, StepProof, build, posted_as, prove_step
from assay.proof.settlement_tree import EMPTY

TARGET = Path(__file__).parents[1] / "test/vectors/settlement.bin"
# Where the test's set-up puts the contract on forge's chain, and who posts there.
PAYMENT, CHAIN, POSTER = "0xc7183455a4c133ae270771860664b6b7ec320bb1", 31337, "0x" + "90" * 20
START_S, DAY_S, SEED = 1_800_000_000, 24 * 3600, 0xA55A
ACCOUNTS: Final = [f"0x{number:040x}" for number in range(0xA000, 0xA00B)]

BRANCH = "(uint256,(bytes32,uint256)[])"
LEAF = f"(address,uint128,uint128,{BRANCH})"
STATE = "(bytes32,uint128,uint128)"
STEP = f"((bytes32,uint32,address,address,uint128,uint128,uint128,bytes32),{STATE})"
OPENING = f"(uint32,{STEP},bytes32[])"
EPOCH = f"(uint64,uint64,address,uint32,bytes32,{STATE})"
PROOF = f"({OPENING},{OPENING},{EPOCH},{LEAF},{LEAF})"
NO_STEP: Final = (0, ((bytes(32), 0, "0x" + "0" * 40, "0x" + "0" * 40, 0, 0, 0, bytes(32)), tuple(EMPTY)), [])


def settlements(dice: random.Random, first: int, count: int) -> list[Settlement]:
    """Jobs of one to three parts, of three requesters that provide as well."""
    found = []
    for number in range(first, first + count):
        amounts = [dice.choice([0, 1, 19, dice.randrange(10**7)]) for _ in range(dice.randrange(1, 4))]
        parts = [Payout(dice.choice(ACCOUNTS), each, dice.randrange(each // 19 + 1)) for each in amounts]
        found.append(
            Settlement(number.to_bytes(32, "big"), dice.choice(ACCOUNTS[:3]), tuple(parts), dice.randbytes(32))
        )
    return found


def leaf_of(leaf: Leaf) -> tuple[Any, ...]:
    """A leaf as ABI wants it."""
    siblings = [(node.hash, node.credits << 128 | node.debits) for node in leaf.branch.siblings]
    return (leaf.account, leaf.credit, leaf.debit, (leaf.branch.mask, siblings))


def opening_of(index: int, step: Step, path: tuple[bytes, ...]) -> tuple[Any, ...]:
    """An opening as ABI wants it."""
    return (index, (tuple(step.charge), tuple(step.state)), list(path))


def epoch_of(posted: Posted) -> tuple[Any, ...]:
    """An epoch as ABI wants it."""
    return (
        posted.number,
        posted.posted_at,
        posted.poster,
        posted.steps,
        posted.steps_root,
        tuple(posted.state),
    )


def proof_of(proof: StepProof, before: Posted) -> tuple[Any, ...]:
    """A proof as ABI wants it."""
    previous = NO_STEP
    if proof.previous is not None:
        previous = opening_of(proof.index - 1, proof.previous, proof.previous_path)
    opening = opening_of(proof.index, proof.step, proof.path)
    return (opening, previous, epoch_of(before), leaf_of(proof.requester), leaf_of(proof.provider))


def write() -> bytes:
    """The content of the file."""
    dice = random.Random(SEED)
    places = {account: place for place, account in enumerate(ACCOUNTS, 1)}
    book, before = Book(Domain(CHAIN, PAYMENT), places), Posted(0, 0, "0x" + "0" * 40, 0, bytes(32), EMPTY)
    epochs = []
    for number, count in ((1, 5), (2, 9)):
        epoch, after = build(book, number, settlements(dice, 100 * number, count))
        posted = posted_as(epoch, START_S + number * 2 * DAY_S, POSTER)
        epochs.append(record(book, after, epoch, posted, before))
        book, before = after, posted
    return bytes(encode(["address", "address[]", "bytes[]"], [PAYMENT, ACCOUNTS, epochs]))


def record(book: Book, after: Book, epoch: Epoch, posted: Posted, before: Posted) -> bytes:
    """An epoch with the proofs of all its steps, and the leaves of all accounts after it."""
    proofs = [
        bytes(encode([PROOF], [proof_of(prove_step(book, epoch, index), before)])) for index in range(posted.steps)
    ]
    leaves = bytes(encode([f"{LEAF}[]"], [[leaf_of(after.leaf(account)) for account in ACCOUNTS]]))
    return bytes(encode([EPOCH, "bytes[]", "bytes"], [epoch_of(posted), proofs, leaves]))


if __name__ == "__main__":
    TARGET.write_bytes(write())
