"""What models and validators say in a contest: first a seal, signed, then what is under it.

A seal is Keccak-256 over a salt and the canonical content, so that nobody can copy what is sealed; the signature is
that of an event which names contest, round and role (EIP-712), so that a seal counts nowhere else.
"""

import json
from collections.abc import Sequence
from typing import Annotated, Final, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, JsonValue, TypeAdapter, ValidationError

from assay.proof.eip712 import Domain, statement_digest
from assay.proof.keccak import keccak256
from assay.proof.keys import BadSignature, Key, recover
from assay.workloads.contest.scores import CERTAIN
from assay.workloads.errors import BadData

STATEMENTS_BYTES_MAX: Final = 16 << 20
WEIGHT_MAX: Final = 10**18

Address = Annotated[str, Field(pattern="^0x[0-9a-f]{40}$")]
Word = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
Role = Literal["model", "validator"]
Answers = Annotated[list[Annotated[int, Field(ge=0, le=CERTAIN, strict=True)]], Field(max_length=10_000)]
Weights = Annotated[dict[Address, Annotated[int, Field(ge=0, le=WEIGHT_MAX, strict=True)]], Field(max_length=1_024)]


class Said(BaseModel):
    """A statement: immutable, and unknown names are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Sealed(Said):
    """That somebody has something to say in a round."""

    by: Address
    role: Role
    seal: Word
    signature: Annotated[str, Field(max_length=132)]


class Opened(Said):
    """What a seal stands for: a model's answers, or the weights of a validator."""

    by: Address
    role: Role
    salt: Word
    answers: Answers = []
    weights: Weights = {}


class Round(Said):
    """Where a statement counts."""

    contest: Annotated[str, Field(min_length=1, max_length=64)]
    number: Annotated[int, Field(ge=1, lt=2**32)]
    chain_id: Annotated[int, Field(ge=1, lt=2**53)]
    contract: Address


T = TypeVar("T")
SEALED: Final[TypeAdapter[list[Sealed]]] = TypeAdapter(Annotated[list[Sealed], Field(max_length=2_048)])
OPENED: Final[TypeAdapter[list[Opened]]] = TypeAdapter(Annotated[list[Opened], Field(max_length=2_048)])


def seal_of(opened: Opened) -> bytes:
    """The 32 bytes that stand for what will be opened."""
    content: JsonValue = opened.model_dump(mode="json", exclude={"salt"})
    return keccak256(bytes.fromhex(opened.salt) + json.dumps(content, sort_keys=True, separators=(",", ":")).encode())


def seal(opened: Opened, key: Key, place: Round) -> Sealed:
    """The signed seal of what will be opened in a round."""
    digest = seal_of(opened)
    signature = key.sign(signed_digest(place, opened.by, opened.role, digest))
    return Sealed(by=opened.by, role=opened.role, seal=digest.hex(), signature=signature)


def read_sealed(raw: bytes, place: Round) -> dict[tuple[str, Role], bytes]:
    """The seals that count, by speaker and role: whose signature is its own; of two by one speaker, neither.

    Raises BadData if the file is no list of seals.
    """
    found: dict[tuple[str, Role], bytes] = {}
    twice: set[tuple[str, Role]] = set()
    for each in parse(SEALED, raw):
        who = (each.by, each.role)
        if is_signed(each, place):
            twice |= {who} & found.keys()
            found[who] = bytes.fromhex(each.seal)
    return {who: digest for who, digest in found.items() if who not in twice}


def read_opened(raw: bytes, seals: dict[tuple[str, Role], bytes]) -> list[Opened]:
    """What was opened as it was sealed, in the speakers' order. Raises BadData if the file is no list of openings."""
    true = {
        (each.by, each.role): each for each in parse(OPENED, raw) if seals.get((each.by, each.role)) == seal_of(each)
    }
    return [true[who] for who in sorted(true)]


def is_signed(sealed: Sealed, place: Round) -> bool:
    """Whether the speaker signed the seal for this round."""
    digest = signed_digest(place, sealed.by, sealed.role, bytes.fromhex(sealed.seal))
    try:
        return recover(digest, sealed.signature) == sealed.by
    except BadSignature:
        return False


def signed_digest(place: Round, by: str, role: Role, digest: bytes) -> bytes:
    """The 32 bytes that a speaker signs."""
    name = f"{place.contest}/{place.number}/{role}"
    return statement_digest(Domain(place.chain_id, place.contract), "contest.sealed", name, by, 0, digest)


def parse(form: TypeAdapter[T], raw: bytes) -> T:
    """The statements in a file. Raises BadData."""
    if len(raw) > STATEMENTS_BYTES_MAX:
        raise BadData(f"The statements of a round have {len(raw)} bytes, more than {STATEMENTS_BYTES_MAX}.")
    try:
        return form.validate_json(raw)
    except ValidationError as error:
        fault = error.errors()[0]
        raise BadData(f"The statements of a round: {'.'.join(map(str, fault['loc']))}: {fault['msg']}.") from error


def write(statements: Sequence[Said]) -> bytes:
    """The file of statements."""
    return json.dumps([each.model_dump(mode="json") for each in statements], separators=(",", ":")).encode()
