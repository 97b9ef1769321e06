"""Calls of the judge: a case, both claims and the openings that it needs, as the contract takes them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

from assay.chain.values import Deployment
from assay.chain.words import normal, selector
from assay.proof.court.game import Dispute
from assay.proof.court.holding import open_span
from assay.proof.court.judge import Opening
from assay.proof.court.machine import Tensor
from assay.proof.court.moves import Answer, Move, Open, Parts, Point, Prove
from assay.proof.court.operations import Operation
from assay.proof.eip712 import Domain

CASE: Final = "(bytes32,uint8,uint32,uint32,int64[],uint32[],bytes32[])"
OPENING: Final = "(bytes,bytes32[])"
CLAIM: Final = f"(address,bytes32,bytes,{OPENING})"
TYPES: Final = (CASE, "uint256", f"{OPENING}[]", CLAIM, CLAIM)
JUDGE: Final = f"judge({','.join(TYPES)})"


@dataclass(frozen=True, slots=True)
class Case:
    """What both parties stand by: an operation on inputs with these roots."""

    dispute: bytes
    operation: Operation
    roots: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class OutputClaim:
    """One party's output: its root, the 65-byte signature of it, the chunk in which the element lies."""

    party: str
    output: bytes
    signature: bytes
    chunk: Opening


def judge_domain(deployment: Deployment) -> Domain:
    """Returns where signatures for the judge count."""
    return Domain(deployment.chain_id, deployment.judge)


def encode_judge(
    case: Case, place: int, operands: Sequence[Opening], worker: OutputClaim, challenger: OutputClaim
) -> bytes:
    """Returns the call that has the element at a place judged."""
    operation = case.operation
    sides = [side for pair in operation.inputs for side in pair]
    shape = (int(operation.op), operation.rows, operation.columns, list(operation.parameters), sides)
    openings = [_opening(operand) for operand in operands]
    values = ((case.dispute, *shape, list(case.roots)), place, openings, _claim(worker), _claim(challenger))
    from eth_abi.abi import encode  # a tenth of a second to load, for what is seldom said

    return selector(JUDGE) + encode(TYPES, values)


def _opening(opening: Opening) -> tuple[bytes, list[bytes]]:
    return opening.data, list(opening.path)


def _claim(claim: OutputClaim) -> tuple[object, ...]:
    return normal(claim.party), claim.output, claim.signature, _opening(claim.chunk)


def call_of(dispute: Dispute, said: Sequence[Move]) -> bytes:
    """Returns the call that has the end of a dispute judged: nothing in it but what the parties signed and opened."""
    leaf, last = dispute.leaf, {type(each): each for each in said}
    assert leaf is not None and leaf.operator is not None
    opened, pointed, answered, proved = (cast(Any, last[kind]) for kind in (Open, Point, Answer, Prove))
    terms, parties = dispute.terms, (dispute.terms.record.worker, dispute.terms.challenger)
    if (operation := leaf.in_parts) is not None:
        stated = zip(parties, (answered.parts, proved.parts), strict=True)
        claims = [_claim_of_part(party, operation, each, leaf.part) for party, each in stated]
        return encode_judge(Case(terms.id, operation, leaf.roots), leaf.part, proved.operands, *claims)
    worker = OutputClaim(parties[0], opened.output, _signature(opened.signature), answered.opening)
    challenger = OutputClaim(parties[1], pointed.output, _signature(pointed.signature), pointed.opening)
    case = Case(terms.id, leaf.operator.operation, leaf.roots)
    return encode_judge(case, leaf.place, proved.operands, worker, challenger)


def _claim_of_part(party: str, operation: Operation, stated: Parts, part: int) -> OutputClaim:
    """The parts that a party stated as its output: a row of one for each, of which the chunk in question is opened."""
    row = Tensor(operation.shape, stated.words)
    chunk = part // operation.shape.chunk_elements
    return OutputClaim(party, row.root, _signature(stated.signature), open_span(row, chunk, chunk + 1))


def _signature(text: str) -> bytes:
    return bytes.fromhex(text.removeprefix("0x"))
