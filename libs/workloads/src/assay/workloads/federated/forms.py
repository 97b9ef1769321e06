"""What members' jobs leave behind, in one way each: a line of canonical JSON and, of an update, its integers behind it.

A reader trusts nobody: it knows from the parameters how long each part is before it looks at it.
"""

import json
from typing import Annotated, Any, Final, Literal, TypeVar

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from assay.workloads.errors import BadCheckpoint
from assay.workloads.federated.numbers import Ints
from assay.workloads.federated.params import MEMBERS_MAX, TURNS_MAX, Place

BEGIN: Final = b"assay.federated.begin.1"
HEAD_BYTES_MAX: Final = 1 << 20
Key = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Share = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$")]
Letter = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{128,8192}$")]
Session = Key


class Said(BaseModel):
    """What a member says in one act."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Advertised(Said):
    """Keys of a session, signed by the identity that stands in the member's offer."""

    said: Literal["keys"] = "keys"
    session: Session
    identity: Key
    letters: Key
    pairs: Annotated[tuple[Key, ...], Field(min_length=TURNS_MAX, max_length=TURNS_MAX)]
    owns: Annotated[tuple[Key, ...], Field(min_length=TURNS_MAX, max_length=TURNS_MAX)]
    signature: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{128}$")]

    def signed(self) -> bytes:
        """What the signature is over."""
        return write_line(self.model_dump(exclude={"signature"}))


class Dealt(Said):
    """A letter to each member, in the order of their keys."""

    said: Literal["shares"] = "shares"
    session: Session
    dealer: Place
    letters: Annotated[tuple[Letter, ...], Field(min_length=2, max_length=MEMBERS_MAX)]


class Updated(Said):
    """The head of an update: how much privacy of the data set is spent with it, by its holder's own ledger."""

    said: Literal["update"] = "update"
    session: Session | None = None
    turn: int = 0
    place: Place = 0
    size: Annotated[int, Field(ge=1)]
    epsilon: Annotated[float, Field(ge=0)] | None = None
    delta: Annotated[float, Field(ge=0)] | None = None


class Unmasked(Said):
    """One member's shares: of who came of the own masks, of who did not of the pairwise ones."""

    said: Literal["unmask"] = "unmask"
    session: Session
    turn: int
    place: Place
    owns: dict[Place, Share]
    pairs: dict[Place, Share]


T = TypeVar("T", bound=Said)


def write_line(body: dict[str, Any]) -> bytes:
    """Return a body in its one form."""
    return json.dumps(body, sort_keys=True, separators=(",", ":"), allow_nan=False).encode() + b"\n"


def write(said: Said) -> bytes:
    """Return what was said as bytes."""
    return write_line(said.model_dump(mode="json"))


def read(form: type[T], data: bytes) -> T:
    """Return what was said. Raises BadCheckpoint unless it is in its one form."""
    if len(data) > HEAD_BYTES_MAX:
        raise BadCheckpoint(f"It is longer than {HEAD_BYTES_MAX} bytes.")
    try:
        said = form.model_validate_json(data)
    except (ValidationError, RecursionError) as error:
        raise BadCheckpoint(f"It is no {form.__name__.lower()}: {str(error)[:160]}") from None
    if write(said) != data:
        raise BadCheckpoint("It is not written in its one way.")
    return said


def write_update(head: Updated, whole: Ints) -> bytes:
    """Return an update as bytes."""
    return write(head) + whole.astype("<u4").tobytes()


def read_update(data: bytes) -> tuple[Updated, Ints]:
    """Return an update. Raises BadCheckpoint."""
    line, end, body = data.partition(b"\n")
    head = read(Updated, line + end)
    if len(body) != 4 * head.size:
        raise BadCheckpoint(f"It has {len(body)} bytes for {head.size} integers.")
    return head, np.frombuffer(body, "<u4")
