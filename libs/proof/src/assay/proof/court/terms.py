"""What a dispute is about: the record of a lease, which the clerk knows, and what the challenger holds against it.

The digest of the terms is the dispute's id, and every move is signed over it, so that no move can be used elsewhere.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Final

from assay.proof.court.encoding import encode
from assay.proof.court.tree import HASH_BYTES
from assay.proof.eip712 import Domain
from assay.proof.keccak import keccak256
from assay.schema.errors import Refused

MARK: Final = b"assay.dispute.1"
SIZE_MAX: Final = 2**31


@dataclass(frozen=True)
class Record:
    """What is on record of a lease: who did it, by which program, from which state to which, in how many parts.

    `program` is the root over the digests of a step's operators and then of the slots of its closing; `data` is the
    root over the roots of the steps' inputs, `data_slots` for each step. A shorter last segment repeats its state.
    """

    lease_id: str
    worker: str
    program: bytes
    data: bytes
    start: bytes
    claimed: bytes
    segments: int
    steps: int
    operators: int
    slots: int
    data_slots: int

    @property
    def length(self) -> int:
        """The steps of all segments."""
        return self.segments * self.steps


@dataclass(frozen=True)
class Terms:
    """A record, who challenges it, which end state it should have, and the rules: bond, windows, clerk, domain."""

    record: Record
    challenger: str
    countered: bytes
    bond: int
    move_s: int
    contest_s: int
    appeal_s: int
    clerk: str
    domain: Domain
    serial: str

    @cached_property
    def id(self) -> bytes:
        """The dispute's id: the 32 bytes that stand for these terms."""
        return keccak256(MARK + encode(self))


def check_terms(terms: Terms) -> None:
    """Nothing, if there can be a dispute on these terms. Raises Refused."""
    record = terms.record
    sizes = (record.segments, record.steps, record.operators, record.slots)
    if not all(0 < size < SIZE_MAX for size in sizes) or record.length >= SIZE_MAX or record.data_slots < 0:
        raise Refused("court.terms", "A count is out of bounds.")
    if min(terms.move_s, terms.contest_s) <= 0 or min(terms.appeal_s, terms.bond) < 0:
        raise Refused("court.terms", "A window is empty, or the bond negative.")
    if any(len(root) != HASH_BYTES for root in (record.program, record.data, record.start, record.claimed)):
        raise Refused("court.terms", "A root has not 32 bytes.")
    if len(terms.countered) != HASH_BYTES or terms.countered == record.claimed:
        raise Refused("court.undisputed", "The challenger's end state is the worker's.")
    if terms.challenger == record.worker:
        raise Refused("court.terms", "Nobody disputes with himself.")
