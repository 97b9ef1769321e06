"""What a round keeper writes down, one line each: the plan, and every step that must not be taken twice.

An order is written before it is sent, with the id that its job will have: whoever reads the journal again asks the
network whether that job came in.
"""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, JsonValue, TypeAdapter, model_validator

from assay.schema.values import Digest, JobId, Millis, Region

INPUTS_MAX = 60
"""Results since a keyframe that a job may name: `assay.workloads` refuses more."""
MEMBERS_MAX = 29
"""Two rounds of so many results fit between keyframes."""

Part = Literal["member", "outcome", "keyframe", "model"]


class Fact(BaseModel):
    """A line of the journal."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Terms(Fact):
    """What every plan says: how many rounds, how long each waits, and the most for a million units, in base units.

    What its jobs make is sealed if it says so or, where it says nothing, if what they read is.
    """

    fact: Literal["planned"] = "planned"
    rounds: Annotated[int, Field(ge=1, le=1_000_000)]
    round_s: Annotated[int, Field(ge=5, le=30 * 86_400)]
    price: Annotated[int, Field(ge=1, lt=2**64)]
    seal: bool | None = None


class Plan(Terms):
    """The whole run: `course` and `member` are parameters of the kinds `diloco-outer` and `diloco`."""

    quorum: Annotated[int, Field(ge=1, le=MEMBERS_MAX)] = 1
    early: bool = False
    course: dict[str, JsonValue]
    member: dict[str, JsonValue]


class Joined(Fact):
    """A member with its shard: from the next round on it is in the roster."""

    fact: Literal["joined"] = "joined"
    member: Annotated[int, Field(ge=0, lt=100_000)]
    data: Digest
    regions: tuple[Region, ...] = ()


class Left(Fact):
    """A member who is in no further roster."""

    fact: Literal["left"] = "left"
    member: int


class Sealed(Fact):
    """The seal of what all jobs of a run make, and where they may run (none: anywhere)."""

    fact: Literal["sealed"] = "sealed"
    seal: Digest
    regions: tuple[Region, ...] = ()


class Opened(Fact):
    """A round with its roster and its deadline."""

    fact: Literal["opened"] = "opened"
    round: int
    roster: Annotated[tuple[int, ...], Field(min_length=1, max_length=MEMBERS_MAX)]
    deadline_ms: Millis


class Ordered(Fact):
    """A job that is about to be submitted."""

    fact: Literal["ordered"] = "ordered"
    round: int
    part: Part
    job_id: JobId
    member: int | None = None


class Missed(Fact):
    """A job that came to nothing in time, and why."""

    fact: Literal["missed"] = "missed"
    job_id: JobId
    reason: str


class Closed(Fact):
    """The end of a round's gathering: each result that counts so far, by its member."""

    fact: Literal["closed"] = "closed"
    round: int
    results: dict[int, Digest]


class Voided(Fact):
    """A round with fewer results than the quorum, which is held again."""

    fact: Literal["voided"] = "voided"
    round: int


class Judged(Fact):
    """What the outer step said of a round: who counted, what each contributed, and where the course stands."""

    fact: Literal["judged"] = "judged"
    round: int
    counted: tuple[Digest, ...]
    scores_ppm: dict[Digest, int]
    state: Digest


class Framed(Fact):
    """A keyframe that takes the place of all results before it."""

    fact: Literal["framed"] = "framed"
    round: int
    keyframe: Digest


class Ended(Fact):
    """The finished model."""

    fact: Literal["ended"] = "ended"
    result: Digest


AnyFact = Annotated[
    Plan | Joined | Left | Sealed | Opened | Ordered | Missed | Closed | Voided | Judged | Framed | Ended,
    Field(discriminator="fact"),
]
FACT: TypeAdapter[AnyFact] = TypeAdapter(AnyFact)


class Outcome(BaseModel):
    """What an outer step's result says; a newer one may say more."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    counted: tuple[Digest, ...]
    scores_ppm: dict[Digest, int]
    state: Digest

    @model_validator(mode="after")
    def is_of_some(self) -> Self:
        """Refuse an outcome in which nothing counted."""
        if not self.counted:
            raise ValueError("nothing counted")
        return self
