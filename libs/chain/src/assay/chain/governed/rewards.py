"""The door of Rewards: periods of bootstrap rewards, by the formula of `assay.proof.rewards`."""

from collections.abc import Sequence
from dataclasses import dataclass

from eth_abi.abi import encode

from assay.chain.encode import encode_call
from assay.chain.governed.acts import Act, Node, call, number, places, words
from assay.chain.governed.reward_head import Head
from assay.chain.words import WORD_BYTES, selector
from assay.proof.eip712 import Domain
from assay.proof.rewards import Leaf, Terms

LEAF = "(address,bytes32,uint112,(uint112,uint112,uint112))"
CLAIM = ("uint64", LEAF, "bytes32[]")


@dataclass(frozen=True, slots=True)
class Posted:
    """A period as it was posted; `claimable_from` is 0 for one that was not, or was voided."""

    root: bytes
    claimable_from: int
    network: int
    emission: int
    total: int
    paid: int
    terms: Terms


def post(node: Node, number_: int, root: bytes, network: int, total: int, inputs_digest: bytes) -> Act:
    """Returns the act that posts the next period; for the poster."""
    return Act(places(node).rewards, encode_period(number_, root, network, total, inputs_digest))


def encode_period(number_: int, root: bytes, network: int, total: int, inputs_digest: bytes) -> bytes:
    """Returns the call that posts the next period; for the poster."""
    return encode_call("post(uint64,bytes32,uint112,uint128,bytes32)", number_, root, network, total, inputs_digest)


def void(node: Node, number_: int) -> Act:
    """Returns the act that voids a period within its window; for the guardian."""
    return call(places(node).rewards, "voidPeriod(uint64)", number_)


def claim(node: Node, number_: int, leaf: Leaf, path: Sequence[bytes]) -> Act:
    """Returns the act that pays a provider what a leaf earns; for anyone, and the money is the provider's."""
    packed = encode(CLAIM, [number_, tuple(leaf), list(path)])
    return Act(places(node).rewards, selector(f"claim({','.join(CLAIM)})") + packed)


def domain_of(node: Node) -> Domain:
    """Returns where a leaf counts."""
    return Domain(node.deployment.chain_id, places(node).rewards)


async def period_of(node: Node, number_: int) -> Posted:
    """Returns a period as it was posted."""
    root, *found = await words(node, places(node).rewards, "periodOf(uint64)", number_)
    claimable_from, network, emission, total, paid = found[:5]
    stands = claimable_from, network, emission, total, paid
    return Posted(root.to_bytes(WORD_BYTES, "big"), *stands, Terms(*found[5:]))


async def is_claimed(node: Node, number_: int, provider: str) -> bool:
    """Returns whether a provider was paid for a period."""
    return bool(await number(node, places(node).rewards, "isClaimed(uint64,address)", number_, provider))


async def head(node: Node) -> Head:
    """Returns where rewards stand. Raises BadSettings if the deployment has none."""
    places(node)
    found = await node.reward_head()
    assert found is not None
    return found
