"""What a federation's keeper writes down, one line each: the plan, and every step that must not be taken twice."""

import json
from typing import Annotated, Any, Literal, Self

from pydantic import Field, JsonValue, TypeAdapter, model_validator

from assay.client.rounds.facts import Fact, Missed, Sealed, Terms
from assay.schema.errors import Refused
from assay.schema.values import Digest, JobId, Millis, ProviderId, Region

MEMBERS_MAX = 20
"""Members of a session: `assay.workloads` refuses more."""
TURNS_MAX = 32
"""Turns of a session: each has keys of its own."""
HEADER_BYTES_MAX = 1 << 20

Act = Literal["keys", "shares", "update", "unmask"]
Part = Literal["keys", "shares", "update", "unmask", "step"]


class Plan(Terms):
    """The whole federation: `model` is of all jobs, `member` of members' (kind `federated`), `step` of the joining.

    `threshold` is how many members have to be there for a sum to be unmasked; without it, two thirds. `regions` are
    where the joining may run: members run where their data are.
    """

    data: Annotated[str, Field(min_length=1, max_length=64)]
    secure: bool = False
    quorum: Annotated[int, Field(ge=1, le=MEMBERS_MAX)] = 1
    threshold: Annotated[int, Field(ge=2, le=MEMBERS_MAX)] | None = None
    regions: tuple[Region, ...] = ()
    model: dict[str, JsonValue]
    member: dict[str, JsonValue]
    step: dict[str, JsonValue]

    @model_validator(mode="after")
    def can_see_what_it_judges(self) -> Self:
        """Refuse a rule that compares updates where nobody sees any. Raises Refused: job.bad_params."""
        rule = self.step.get("rule", "mean")
        if self.secure and rule != "mean":
            raise Refused(
                "job.bad_params", f"{rule} compares members' updates, and of a secure sum nobody sees any: choose one."
            )
        return self


class Joined(Fact):
    """A member: its data set by commitment, and who holds it."""

    fact: Literal["joined"] = "joined"
    member: Annotated[int, Field(ge=0, lt=100_000)]
    data: Digest
    provider: ProviderId


class Begun(Fact):
    """A session of a secure sum, in which members advertise keys before anything else."""

    fact: Literal["begun"] = "begun"
    session: Digest
    turn: int


class Opened(Fact):
    """An act with its roster and its deadline."""

    fact: Literal["opened"] = "opened"
    act: Act
    turn: int
    roster: Annotated[tuple[int, ...], Field(max_length=MEMBERS_MAX)]
    deadline_ms: Millis


class Ordered(Fact):
    """A job that is about to be submitted."""

    fact: Literal["ordered"] = "ordered"
    part: Part
    turn: int
    job_id: JobId
    member: int | None = None


class Closed(Fact):
    """The end of an act: each result that counts, by its member."""

    fact: Literal["closed"] = "closed"
    act: Act
    turn: int
    results: dict[int, Digest]


class Voided(Fact):
    """A turn that came to nothing, and is held again under another number."""

    fact: Literal["voided"] = "voided"
    turn: int
    reason: str


class Stepped(Fact):
    """The state after a turn, and what the joining said of it."""

    fact: Literal["stepped"] = "stepped"
    turn: int
    round: int
    state: Digest
    said: dict[str, JsonValue]


AnyFact = Annotated[
    Plan | Joined | Sealed | Begun | Opened | Ordered | Missed | Closed | Voided | Stepped, Field(discriminator="fact")
]
FACT: TypeAdapter[AnyFact] = TypeAdapter(AnyFact)


def said_in(state: bytes) -> dict[str, Any]:
    """What a state's file says of its turn: an entry of its head. Raises Refused: round.void."""
    size = int.from_bytes(state[:8], "little")
    try:
        if not 0 < size <= HEADER_BYTES_MAX:
            raise ValueError("no head")
        return dict(json.loads(json.loads(state[8 : 8 + size])["__metadata__"]["assay"]))
    except (ValueError, KeyError, TypeError):
        raise Refused("round.void", "The state that a step came to cannot be read.") from None
