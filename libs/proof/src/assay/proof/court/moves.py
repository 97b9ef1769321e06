"""The moves of a dispute, each signed by its party over the dispute and the move before it.

So no move can be replayed, neither in another dispute nor later in the same one, and nobody can deny what was said.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cached_property
from typing import ClassVar, Final, TypeAlias

from assay.proof.court.encoding import encode
from assay.proof.court.judge import Opening
from assay.proof.court.operations import Operation, operation_digest
from assay.proof.court.program import Operator, Source
from assay.proof.court.terms import Terms
from assay.proof.eip712 import Domain, address_word, typed_digest
from assay.proof.keccak import keccak256
from assay.proof.keys import Key

MOVE_HASH: Final = keccak256(b"Move(bytes32 dispute,bytes32 previous,bytes32 content)")
AFTER_BYTES: Final = 8
SIGNATURE_BYTES: Final = 65
OUTPUT_HASH: Final = keccak256(b"Output(bytes32 matter,bytes32 output)")


class Party(StrEnum):
    """Who moves, or may be at fault."""

    WORKER = "worker"
    CHALLENGER = "challenger"


PARTIES: Final = (Party.WORKER, Party.CHALLENGER)


@dataclass(frozen=True)
class Claim:
    """The challenger opens the dispute on the terms whose digest is its id."""

    by: ClassVar[Party] = Party.CHALLENGER


@dataclass(frozen=True)
class Accept:
    """The worker admits the fault."""

    by: ClassVar[Party] = Party.WORKER


@dataclass(frozen=True)
class Contest:
    """The worker denies the fault and puts up a bond."""

    by: ClassVar[Party] = Party.WORKER
    bond: int


@dataclass(frozen=True)
class Join:
    """The challenger stands by its claim with a bond of the same height."""

    by: ClassVar[Party] = Party.CHALLENGER
    bond: int


@dataclass(frozen=True)
class Probe:
    """The worker's roots at the places that the search asks for, each by its first bytes."""

    by: ClassVar[Party] = Party.WORKER
    roots: tuple[bytes, ...]


@dataclass(frozen=True)
class Choose:
    """The first of the probed roots that the challenger does not share; their number, if it shares them all."""

    by: ClassVar[Party] = Party.CHALLENGER
    index: int


@dataclass(frozen=True)
class Found:
    """A tensor's root and the siblings that lead from it to the list that it stands in."""

    root: bytes
    path: tuple[bytes, ...] = ()


@dataclass(frozen=True)
class Open:
    """The worker opens the operator in question: what it is, on which inputs, after which trace, with what output.

    `signature` is over the output alone, in the form that the contract reads.
    """

    by: ClassVar[Party] = Party.WORKER
    operator: Operator
    path: tuple[bytes, ...]
    inputs: tuple[Found, ...]
    peaks: tuple[bytes, ...]
    output: bytes
    signature: str


@dataclass(frozen=True)
class Demand:
    """The challenger cannot get at the worker's output and asks what is below a node that was shown, or its top."""

    by: ClassVar[Party] = Party.CHALLENGER
    index: int


@dataclass(frozen=True)
class Reveal:
    """The nodes of the worker's output below the one that was asked about; in the end its chunks' hashes."""

    by: ClassVar[Party] = Party.WORKER
    hashes: tuple[bytes, ...]


@dataclass(frozen=True)
class Point:
    """The challenger's own output, and the chunk in which it differs from the worker's.

    `signature` is over the output alone, in the form that the contract reads.
    """

    by: ClassVar[Party] = Party.CHALLENGER
    output: bytes
    chunk: int
    opening: Opening
    signature: str


@dataclass(frozen=True)
class Parts:
    """The parts of an element, word by word as bytes, that a party states where the row is too long to be judged whole.

    `signature` is over them as the output of the operation of the parts, in the form that the contract reads.
    """

    words: bytes
    signature: str


@dataclass(frozen=True)
class Answer:
    """The worker's content of the chunk that the challenger pointed at, and its parts of the first other element."""

    by: ClassVar[Party] = Party.WORKER
    opening: Opening
    parts: Parts | None = None


@dataclass(frozen=True)
class Prove:
    """The challenger opens what the element follows from: operands of an operation, or the source of a closing slot.

    Of an element in parts it states its own, and opens the operands of the first that differs.
    """

    by: ClassVar[Party] = Party.CHALLENGER
    operands: tuple[Opening, ...] = ()
    source: Source | None = None
    path: tuple[bytes, ...] = ()
    found: Found | None = None
    parts: Parts | None = None


Move: TypeAlias = Claim | Accept | Contest | Join | Probe | Choose | Open | Demand | Reveal | Point | Answer | Prove


@dataclass(frozen=True)
class Signed:
    """A move as it is sent, signed over the dispute and the move before it, whose digest begins with `after`."""

    after: bytes
    move: Move
    signature: str

    @cached_property
    def content(self) -> bytes:
        """The move's kind and what it says."""
        return encode((type(self.move).__name__, self.move))

    def follows(self, previous: bytes) -> bool:
        """Whether it says that it follows the move with this digest; its signature shows it."""
        return self.after == previous[:AFTER_BYTES]

    def digest(self, terms: Terms, previous: bytes) -> bytes:
        """The 32 bytes that are signed, by which the next move names this one, where it follows `previous`."""
        return typed_digest(terms.domain, MOVE_HASH + terms.id + previous + keccak256(self.content))


def sign_move(key: Key, terms: Terms, previous: bytes, move: Move) -> Signed:
    """The move, signed to follow the one with this digest; the first follows the dispute's own id."""
    unsigned = Signed(previous[:AFTER_BYTES], move, "")
    return replace(unsigned, signature=key.sign(unsigned.digest(terms, previous)))


def output_digest(terms: Terms, operation: Operation, roots: Sequence[bytes], output: bytes) -> bytes:
    """The 32 bytes that a party signs to stand by its output of an operation on the inputs with these roots."""
    parties = (terms.record.worker, terms.challenger)
    return claim_digest(terms.domain, terms.id, parties, operation_digest(operation, roots), output)


def claim_digest(domain: Domain, dispute: bytes, parties: Sequence[str], operation: bytes, output: bytes) -> bytes:
    """The digest of an output as the contract takes it: worker and challenger, in the dispute, of the operation."""
    matter = keccak256(dispute + b"".join(map(address_word, parties)) + operation)
    return typed_digest(domain, OUTPUT_HASH + matter + output)
