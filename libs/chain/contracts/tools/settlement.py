"""Writes test/vectors/settlement.bin: two epochs built in Python, with all proofs, for the contracts to agree with.

The content is ABI-encoded: (address payment, address[] accounts, bytes[] epochs), an epoch being (epoch, bytes[]
proofs, bytes leaves) and each of these encoded by itself. `python tools/settlement.py` writes the file, which is
checked in; a test of libs/chain holds it to this generator.
"""

import random
from pathlib import Path
from typing import Final

from eth_abi.abi import encode

from assay.chain.payment.shapes import EPOCH, LEAF, NO_EPOCH, PROOF, epoch_fields, leaf_fields, proof_fields, proof_of
from assay.proof.eip712 import Domain
from assay.proof.settlement import Payout, Posted, Settlement
from assay.proof.settlement_epoch import Book, Epoch, build, posted_as, prove_step

TARGET = Path(__file__).parents[1] / "test/vectors/settlement.bin"
# Where the test's set-up puts the contract on forge's chain, and who posts there.
PAYMENT, CHAIN, POSTER = "0xc7183455a4c133ae270771860664b6b7ec320bb1", 31337, "0x" + "90" * 20
START_S, DAY_S, SEED = 1_800_000_000, 24 * 3600, 0xA55A
ACCOUNTS: Final = [f"0x{number:040x}" for number in range(0xA000, 0xA00B)]


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


def write() -> bytes:
    """The content of the file."""
    dice = random.Random(SEED)
    places = {account: place for place, account in enumerate(ACCOUNTS, 1)}
    book, before = Book(Domain(CHAIN, PAYMENT), places), NO_EPOCH
    epochs = []
    for number, count in ((1, 5), (2, 9)):
        epoch, after = build(book, number, settlements(dice, 100 * number, count))
        posted = posted_as(epoch, START_S + number * 2 * DAY_S, POSTER)
        epochs.append(record(book, after, epoch, posted, before))
        book, before = after, posted
    return bytes(encode(["address", "address[]", "bytes[]"], [PAYMENT, ACCOUNTS, epochs]))


def record(book: Book, after: Book, epoch: Epoch, posted: Posted, before: Posted) -> bytes:
    """An epoch with the proofs of all its steps, and the leaves of all accounts after it."""
    proven = [proof_of(prove_step(book, epoch, index), before) for index in range(posted.steps)]
    proofs = [bytes(encode([PROOF], [proof_fields(proof)])) for proof in proven]
    leaves = bytes(encode([f"{LEAF}[]"], [[leaf_fields(after.leaf(account)) for account in ACCOUNTS]]))
    return bytes(encode([EPOCH, "bytes[]", "bytes"], [epoch_fields(posted), proofs, leaves]))


if __name__ == "__main__":
    TARGET.write_bytes(write())
