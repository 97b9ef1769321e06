"""What bootstrap rewards are: the contract's formula, a period's leaves and its root, for anyone to compute again.

A provider's weight is the least of three sums: what it had available (measured speed times the seconds in which it
answered challenges), what its verified work stands for, and what its stake carries. The least of sums is at least the
sum of the leasts, so splitting an identity never adds weight; and what a place gets grows with its weight, so losing
weight never pays. Concentration is counted by place, which splitting does not change. All are integers, rounded down.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from assay.proof.eip712 import Domain, address_word, uint_word
from assay.proof.keccak import keccak256
from assay.schema.errors import Reject

MILLION: Final = 1_000_000
WEIGHT_BITS: Final = 112
LEAF_TYPE: Final = keccak256(
    b"RewardLeaf(uint256 chainId,address rewards,uint64 number,address provider,bytes32 place,uint112 placeWeight,"
    b"uint112 available,uint112 verified,uint112 stake)"
)


class Inputs(NamedTuple):
    """What a provider did in a period: cost units available and verified, and its least stake in native base units."""

    available: int
    verified: int
    stake: int


class Terms(NamedTuple):
    """The share of what is available that has to work, the share that no place exceeds, and what stake carries."""

    target_ppm: int
    cap_ppm: int
    stake_per_mega_unit: int


class Entry(NamedTuple):
    """A provider, the place its measurements show it at (32 bytes), and what it did."""

    provider: str
    place: bytes
    inputs: Inputs


class Leaf(NamedTuple):
    """An entry with the weight of all at its place: what a claim opens."""

    provider: str
    place: bytes
    place_weight: int
    inputs: Inputs


class Period(NamedTuple):
    """What is posted after a period: its leaves in order, all weight, and what each leaf earns."""

    number: int
    leaves: tuple[Leaf, ...]
    network: int
    rewards: tuple[int, ...]

    @property
    def total(self) -> int:
        """What all leaves earn together."""
        return sum(self.rewards)


def weight_of(inputs: Inputs, terms: Terms) -> int:
    """A provider's weight, in cost units."""
    worked = inputs.verified * MILLION // terms.target_ppm
    carried = inputs.stake * MILLION // terms.stake_per_mega_unit
    return min(inputs.available, worked, carried)


def budget_of(emission: int, place: int, network: int, terms: Terms) -> int:
    """What a place with the share q of all weight gets: q(1 - q/2) of the emission, and at most the cap."""
    budget = emission * place * (2 * network - place) // (2 * network * network)
    return min(budget, emission * terms.cap_ppm // MILLION)


def reward_of(emission: int, weight: int, place: int, network: int, terms: Terms) -> int:
    """What a provider gets: of its place's part, in proportion to weight."""
    return budget_of(emission, place, network, terms) * weight // place if weight else 0


def period_of(number: int, entries: Sequence[Entry], emission: int, terms: Terms) -> Period:
    """A period's leaves and what they earn. Raises Reject if a provider stands twice or a number is out of range."""
    if len({entry.provider.lower() for entry in entries}) < len(entries):
        raise Reject("A provider stands twice in a period: add its work up first.")
    places = weights_at(entries, terms)
    network = sum(places.values())
    if network >> WEIGHT_BITS or any(not 0 <= each < 2**WEIGHT_BITS for entry in entries for each in entry.inputs):
        raise Reject(f"An input or the weight of all is no number of {WEIGHT_BITS} bits.")
    leaves = tuple(Leaf(entry.provider, entry.place, places[entry.place], entry.inputs) for entry in entries)
    earned = (reward_of(emission, weight_of(leaf.inputs, terms), leaf.place_weight, network, terms) for leaf in leaves)
    return Period(number, leaves, network, tuple(earned))


def weights_at(entries: Sequence[Entry], terms: Terms) -> Mapping[bytes, int]:
    """The weight of all at each place."""
    places: dict[bytes, int] = defaultdict(int)
    for entry in entries:
        places[entry.place] += weight_of(entry.inputs, terms)
    return places


def leaf_hash(domain: Domain, number: int, leaf: Leaf) -> bytes:
    """The 32 bytes of a leaf, hashed twice so that no inner node passes for one."""
    words = [uint_word(domain.chain_id), address_word(domain.verifying_contract), uint_word(number)]
    words += [address_word(leaf.provider), leaf.place, uint_word(leaf.place_weight), *map(uint_word, leaf.inputs)]
    return keccak256(keccak256(LEAF_TYPE + b"".join(words)))


def root_of(domain: Domain, period: Period) -> bytes:
    """The root over a period's leaves; zero if there are none."""
    level = [leaf_hash(domain, period.number, leaf) for leaf in period.leaves]
    while len(level) > 1:
        level = raised(level)
    return level[0] if level else bytes(32)


def prove(domain: Domain, period: Period, index: int) -> list[bytes]:
    """The siblings that lead from a leaf to the root."""
    level, path = [leaf_hash(domain, period.number, leaf) for leaf in period.leaves], []
    while len(level) > 1:
        if index ^ 1 < len(level):
            path.append(level[index ^ 1])
        level, index = raised(level), index // 2
    return path


def raised(level: Sequence[bytes]) -> list[bytes]:
    """The nodes above: a pair is hashed in order of size, as by OpenZeppelin's MerkleProof; an odd one is promoted."""
    pairs = [keccak256(b"".join(sorted(pair))) for pair in zip(level[::2], level[1::2], strict=False)]
    return [*pairs, *level[len(pairs) * 2 :]]
