"""How large an operator may be whose element ends before the contract within a million gas, and whose moves fit events.

For whoever derives a program: a job whose step has a larger one gets none, and its disputes another way.
"""

from typing import Final

from assay.proof.court.operations import Operation
from assay.proof.court.primitives import Op
from assay.schema.errors import Refused

ROWS_MAX: Final = {Op.DOT: 2_048, Op.ROW_EXPONENT: 2_048, Op.ROW_MAX: 768, Op.SUM_AT: 24}
"""The longest row of the first input that one element may follow from: a product's is read with 12 kB of a move."""
CHUNKS_MAX: Final = 1_024
"""Of so many chunks of an output the hashes fit one move: 35 kB."""
OPERATORS_MAX: Final = 8_192
OUTPUT_BYTES_MAX: Final = 256 << 20
"""Of a step: who derives its program has the outputs in memory twice, and a party takes the roots of all in 10 s."""


def check_size(operation: Operation) -> None:
    """Nothing, if an element of it is judged within a million gas and its output can be told of. Raises Refused."""
    longest = operation.inputs[0][1]
    if longest > ROWS_MAX.get(operation.op, longest):
        raise Refused("court.operation", f"{operation.op.name} over {longest} elements is not judged on chain.")
    if operation.shape.chunks > CHUNKS_MAX:
        raise Refused("court.operation", f"{operation.op.name} puts out {operation.shape.chunks} chunks.")


def check_sum(operators: int, output_bytes: int) -> None:
    """Nothing, if a step of so many operators that put out so many bytes can be traced and rooted. Raises Refused."""
    if operators > OPERATORS_MAX or output_bytes > OUTPUT_BYTES_MAX:
        raise Refused("court.operation", f"A step has at most {OPERATORS_MAX} operators and {OUTPUT_BYTES_MAX} bytes.")
