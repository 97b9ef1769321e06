"""Writes test/vectors/rewards.bin: a period of rewards built in Python, for the contract to agree with.

The content is ABI-encoded: (address rewards, uint256 network, uint256 total, bytes32 root, bytes[] claims), a claim
being (leaf, bytes32[] path, uint256 amount) encoded by itself. `python tools/rewards.py` writes the file, which is
checked in; a test of libs/chain holds it to this generator.
"""

import random
from pathlib import Path
from typing import Final

from eth_abi.abi import encode

from assay.proof.eip712 import Domain
from assay.proof.rewards import Entry, Inputs, Terms, period_of, prove, root_of

TARGET = Path(__file__).parents[1] / "test/vectors/rewards.bin"
# Where the test's set-up puts the contract on forge's chain, what it emits and by which terms.
REWARDS, CHAIN, EMISSION, SEED = "0x2e234dae75c793f67a35089c9d99245e1c58470b", 31337, 1000 * 10**18, 0xA55A
TERMS: Final = Terms(200_000, 250_000, 10**15)
CLAIM: Final = ("(address,bytes32,uint112,(uint112,uint112,uint112))", "bytes32[]", "uint256")


def entries() -> list[Entry]:
    """Providers at four places, one with most of all weight: idle, underused, short of stake and ordinary ones."""
    dice = random.Random(SEED)
    found = []
    for number in range(13):
        available = dice.randrange(1, 10**15)
        verified = dice.choice([0, available // 20, available // 3, available])
        stake = dice.choice([0, available // 7, available, 3 * available]) * TERMS.stake_per_mega_unit // 10**6
        place = bytes([dice.choice([1, 1, 1, 2, 3, 4])]) * 32
        found.append(Entry(f"0x{0xC000 + number:040x}", place, Inputs(available, verified, stake)))
    return found


def write() -> bytes:
    """The content of the file."""
    domain, period = Domain(CHAIN, REWARDS), period_of(1, entries(), EMISSION, TERMS)
    claims = [
        bytes(encode(CLAIM, (tuple(leaf), prove(domain, period, index), amount)))
        for index, (leaf, amount) in enumerate(zip(period.leaves, period.rewards, strict=True))
    ]
    content = (REWARDS, period.network, period.total, root_of(domain, period), claims)
    return bytes(encode(["address", "uint256", "uint256", "bytes32", "bytes[]"], content))


if __name__ == "__main__":
    TARGET.write_bytes(write())
