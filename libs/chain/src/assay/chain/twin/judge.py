"""The twin of the contract Judge: the court's own judge of one element, and who signed what."""

from collections.abc import Sequence
from typing import Any

from assay.chain.errors import Reverted
from assay.chain.events import Ruled
from assay.chain.judge import JUDGE as SIGNATURE
from assay.chain.judge import judge_domain
from assay.chain.twin.call import Call, Function
from assay.chain.values import Ruling
from assay.chain.words import normal
from assay.proof.court.judge import Opening, Span, element, element_of, read
from assay.proof.court.moves import claim_digest
from assay.proof.court.operations import Operation, operation_digest
from assay.proof.court.primitives import Op
from assay.proof.keys import recover
from assay.schema.errors import Refused

RULINGS = {
    (True, False): Ruling.WORKER_FAULT,
    (False, True): Ruling.CHALLENGER_FAULT,
    (True, True): Ruling.BOTH_FAULT,
}
Claim = tuple[str, bytes, bytes, tuple[bytes, Sequence[bytes]]]


def judge(call: Call, case: tuple[Any, ...], place: int, operands: Sequence[Any], *claims: Claim) -> None:
    """Rules on one element, once for each dispute and pair of parties."""
    dispute, roots = case[0], case[6]
    worker, challenger = parties = tuple(normal(claim[0]) for claim in claims)
    if known := call.number("ruling", dispute, *parties):
        raise Reverted(f"AlreadyRuled({known}).")
    if claims[0][1] == claims[1][1]:
        raise Reverted("Undisputed().")
    try:
        operation = _operation(case)
        for claim in claims:
            _check_signed(call, operation_digest(operation, roots), dispute, parties, claim)
        truth = element_of(operation, roots, place, [_opening(operand) for operand in operands])
        wrong = tuple(_claimed(operation, place, claim) != truth for claim in claims)
    except Refused as error:
        raise Reverted(f"{error.detail}.") from error
    if wrong not in RULINGS:
        raise Reverted("Undisputed().")
    call.storage["ruling", dispute, *parties] = RULINGS[wrong]
    call.emit(Ruled(dispute, worker, challenger, RULINGS[wrong], place, truth))


def _operation(case: tuple[Any, ...]) -> Operation:
    _, op, rows, columns, parameters, sides, roots = case
    if op not in set(Op) or len(sides) != 2 * len(roots):
        raise Reverted("BadOperation().")
    return Operation(Op(op), rows, columns, tuple(zip(sides[::2], sides[1::2], strict=True)), tuple(parameters))


def _check_signed(call: Call, operation: bytes, dispute: bytes, parties: tuple[str, ...], claim: Claim) -> None:
    digest = claim_digest(judge_domain(call.deployment), dispute, parties, operation, claim[1])
    if normal(recover(digest, "0x" + claim[2].hex())) != normal(claim[0]):
        raise Reverted(f"NotSigned({claim[0]}).")


def _claimed(operation: Operation, place: int, claim: Claim) -> int:
    span: Span = element(*divmod(place, operation.columns))
    return read(operation.shape, claim[1], span, _opening(claim[3]))[0]


def _opening(fields: tuple[bytes, Sequence[bytes]]) -> Opening:
    return Opening(fields[0], tuple(fields[1]))


JUDGE: dict[str, Function] = {SIGNATURE: judge}
