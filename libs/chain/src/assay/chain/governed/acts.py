"""One transaction as a door gives it, and the two things that are done with it: sent with a key, or only tried."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

from assay.chain.encode import encode_call
from assay.chain.errors import Reverted
from assay.chain.governed.places import Governed
from assay.chain.governed.refusals import declined
from assay.chain.governed.terms import NOBODY
from assay.chain.port import Chain
from assay.chain.wallet import send
from assay.chain.words import WORD_BYTES

if TYPE_CHECKING:
    from assay.chain.events import Receipt
    from assay.chain.rpc import Rpc
    from assay.proof.keys import Key


class Node(Chain, Protocol):
    """A chain that can also be asked by method name."""

    rpc: Rpc


class Act(NamedTuple):
    """One transaction: to which contract, what it says, and how much of the chain's own coin goes with it."""

    to: str
    data: bytes
    value: int = 0


def places(node: Chain) -> Governed:
    """Returns where the governed contracts stand. Raises BadSettings if the deployment has none."""
    return node.deployment.group


def call(to: str, signature: str, *arguments: int | str | bytes) -> Act:
    """Returns the act of a function whose arguments are one word each."""
    return Act(to, encode_call(signature, *arguments))


def approve(node: Chain, spender: str, amount: int) -> Act:
    """Returns the act by which native tokens are let go to a contract."""
    return call(node.deployment.native, "approve(address,uint256)", spender, amount)


async def do(node: Chain, key: Key, *acts: Act) -> Receipt:
    """Returns the receipt of the last of these acts, each sent once the one before is mined. Raises Declined."""
    for act in acts:
        try:
            receipt = await send(node, key, act.to, act.data, act.value)
        except Reverted as error:
            raise declined(error) from None
    return receipt


async def attempt(node: Node, sender: str, act: Act) -> bytes:
    """Returns what a call would answer, which changes nothing. Raises Declined."""
    asked = {"from": sender, "to": act.to, "data": "0x" + act.data.hex()}
    try:
        answer: str = await node.rpc.ask("eth_call", asked, "latest")
    except Reverted as error:
        raise declined(error) from None
    return bytes.fromhex(answer[2:])


async def words(node: Node, to: str, signature: str, *arguments: int | str | bytes) -> list[int]:
    """Returns the words that a contract answers with, as numbers. Raises Declined."""
    raw = await attempt(node, NOBODY, call(to, signature, *arguments))
    return [int.from_bytes(raw[at : at + WORD_BYTES], "big") for at in range(0, len(raw), WORD_BYTES)]


async def number(node: Node, to: str, signature: str, *arguments: int | str | bytes) -> int:
    """Returns the one number that a contract answers with. Raises Declined."""
    return (await words(node, to, signature, *arguments))[0]
