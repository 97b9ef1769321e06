"""How large an operator may be whose element ends before the contract within a million gas, and whose moves fit events.

For whoever derives a program: a job whose step has a larger one gets none, and its disputes another way.
"""

from typing import Final

from assay.proof.court.operations import Operation
from assay.proof.court.parts import PARTED
from assay.proof.court.primitives import PART, Op
from assay.schema.errors import Refused

PARTS_MAX: Final = 2_048
"""Of so many parts of an element those of a product take 16 kB of a move."""
ROWS_MAX: Final = {**dict.fromkeys(PARTED, PARTS_MAX * PART), Op.SUM_AT: 24}
"""The longest row of the first input that one element may follow from."""
COLUMNS_MAX: Final = {Op.SUM_AT: 16_384}
"""Of rows whose elements are opened one by one."""
CHUNKS_MAX: Final = 1 << 24
"""One of so many chunks of an output is found in six rounds, and opened by 24 hashes."""
OPERATORS_MAX: Final = 65_535
"""Of a step, with its end: one of them is found in four rounds."""
OUTPUT_BYTES_MAX: Final = 4 << 30
"""Of a step. Nobody has all of them in memory; who takes the roots of all needs a minute."""


def check_size(operation: Operation) -> None:
    """Nothing, if an element of it is judged within a million gas and its output can be told of. Raises Refused."""
    longest = operation.inputs[0][1]
    if longest > ROWS_MAX.get(operation.op, longest):
        raise Refused("court.operation", f"{operation.op.name} over {longest} elements is not judged on chain.")
    if operation.columns > COLUMNS_MAX.get(operation.op, operation.columns):
        raise Refused("court.operation", f"{operation.op.name} of rows of {operation.columns} is not judged on chain.")
    if operation.shape.chunks > CHUNKS_MAX:
        raise Refused("court.operation", f"{operation.op.name} puts out {operation.shape.chunks} chunks.")


def check_sum(operators: int, output_bytes: int) -> None:
    """Nothing, if a step of so many operators that put out so many bytes can be traced and rooted. Raises Refused."""
    if operators > OPERATORS_MAX or output_bytes > OUTPUT_BYTES_MAX:
        raise Refused("court.operation", f"A step has at most {OPERATORS_MAX} operators and {OUTPUT_BYTES_MAX} bytes.")
