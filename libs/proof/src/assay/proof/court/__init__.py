"""The court: a dispute is searched down to one element of one operator, which anyone can judge. Pure."""

from assay.proof.court.game import Dispute, advance, default, lodge, summon
from assay.proof.court.judge import Opening, element_of
from assay.proof.court.moves import Party, Signed, output_digest, sign_move
from assay.proof.court.operations import Operation, operation_digest
from assay.proof.court.primitives import Op
from assay.proof.court.program import Operator, Place, Program, Source
from assay.proof.court.states import ENDS, TABLE, State
from assay.proof.court.terms import Record, Terms
from assay.proof.court.tree import Shape, root_of_list, root_of_tensor
from assay.proof.court.wire import read, read_move, write_move

__all__ = [
    "ENDS",
    "TABLE",
    "Dispute",
    "Op",
    "Opening",
    "Operation",
    "Operator",
    "Party",
    "Place",
    "Program",
    "Record",
    "Shape",
    "Signed",
    "Source",
    "State",
    "Terms",
    "advance",
    "default",
    "element_of",
    "lodge",
    "operation_digest",
    "output_digest",
    "read",
    "read_move",
    "root_of_list",
    "root_of_tensor",
    "sign_move",
    "summon",
    "write_move",
]
