"""What the answer to a demand shows: read from the transaction that brought it, which everybody has."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from eth_abi.abi import decode
from eth_abi.exceptions import DecodingError

from assay.chain.payment import encode, shapes
from assay.chain.values import Deployment
from assay.chain.words import selector
from assay.proof.settlement import Step
from assay.proof.settlement_epoch import Leaf

if TYPE_CHECKING:
    # It loads web3, and who shows a command's help needs none.
    from assay.chain.rpc import Rpc

SELECTOR_BYTES: Final = 4
STEP: Final = selector(encode.signature_of("answerStep", encode.ANSWER_STEP))
LEAF: Final = selector(encode.signature_of("answerLeaf", encode.ANSWER_LEAF))


class Asking(Protocol):
    """A chain that can also be asked by method name."""

    deployment: Deployment
    rpc: Rpc


@dataclass(frozen=True, slots=True)
class Shown:
    """A step or the leaf at an index; the other is None."""

    index: int
    step: Step | None = None
    leaf: Leaf | None = None


def shown_by(call: bytes) -> Shown | None:
    """What a call to Challenges shows; None of another call, as where a contract has passed the answer on."""
    name, content = call[:SELECTOR_BYTES], call[SELECTOR_BYTES:]
    try:
        if name == STEP:
            opening = shapes.proof_from(decode(encode.ANSWER_STEP, content)[1]).opening
            return Shown(opening.index, step=opening.step)
        if name == LEAF:
            _, index, leaf = decode(encode.ANSWER_LEAF, content)
            return Shown(index, leaf=shapes.leaf_from(leaf))
    except DecodingError:
        pass
    return None


async def shown_in(chain: Asking, tx_hash: bytes) -> Shown | None:
    """What a transaction shows, where it is an answer itself. Raises ChainUnreachable.

    Of a call to another contract, which has passed an answer on, the words are anybody's: nothing has checked them.
    """
    found = await chain.rpc.ask("eth_getTransactionByHash", "0x" + tx_hash.hex())
    if not found or (found["to"] or "").lower() != chain.deployment.challenges.lower():
        return None
    return shown_by(bytes.fromhex(found["input"][2:]))
