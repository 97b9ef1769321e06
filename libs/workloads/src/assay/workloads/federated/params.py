"""What fixes a member's act and the joining of a turn; no numpy is loaded for it.

A member acts up to four times: it advertises keys (`keys`), deals shares of them (`shares`), both once in a session of
several turns, and in each turn sends its update (`update`) and helps to unmask the sum of all (`unmask`). Without a
secure sum only `update` is left.
"""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from assay.schema.values import Digest
from assay.workloads.workload import FrozenParams

MEMBERS_MAX = 20
TURNS_MAX = 32
"""Turns of one session: each has keys of its own, advertised and shared at the session's beginning."""
WEIGHTS_MAX = 1 << 20
ACT_UNITS = 1_000
"""What an act beside training costs, in examples trained on."""

Rule = Literal["mean", "trimmed", "median", "krum"]
Place = Annotated[int, Field(ge=0, lt=MEMBERS_MAX)]
Digests = Annotated[tuple[Digest, ...], Field(max_length=MEMBERS_MAX)]


class Privacy(FrozenParams):
    """Noise, in multiples of what one unit can change at most; `clip` bounds an example's gradient for `record`.

    `record`: each step's gradient is noisy, so no single record shows in anything that leaves the provider, whoever
    looks. `member`: the sum of all updates is noisy, so no single member shows in it; it takes a secure sum.
    """

    unit: Literal["record", "member"] = "record"
    noise: Annotated[float, Field(ge=0.1, le=100, allow_inf_nan=False)]
    clip: Annotated[float, Field(gt=0, le=100, allow_inf_nan=False)] = 1.0
    delta: Annotated[float, Field(gt=0, lt=1e-2, allow_inf_nan=False)] = 1e-5


class ModelParams(FrozenParams):
    """The model, a perceptron: values in, hidden layers, classes out; and how an update is written down."""

    layers: Annotated[tuple[Annotated[int, Field(ge=1, le=1 << 16)], ...], Field(min_length=2, max_length=8)]
    clip: Annotated[float, Field(gt=0, le=1_000, allow_inf_nan=False)] = 10.0
    weighting: Literal["examples", "equal"] = "examples"
    examples_max: Annotated[int, Field(ge=1, le=1 << 20, description="whoever has more weighs no more")] = 4_096
    secure: bool = False
    quorum: Annotated[int, Field(ge=1, le=MEMBERS_MAX)] = 1
    privacy: Privacy | None = None

    @property
    def weights(self) -> int:
        """How many weights the model has."""
        pairs = zip(self.layers, self.layers[1:], strict=False)
        return sum(wide * (narrow + 1) for narrow, wide in pairs)

    @model_validator(mode="after")
    def fits_together(self) -> Self:
        """Refuse a model that is too large, and noise that would hide nobody."""
        if self.weights > WEIGHTS_MAX:
            raise ValueError(f"the model has {self.weights} weights, at most {WEIGHTS_MAX} are summed")
        if self.privacy and self.privacy.unit == "member" and not (self.secure and self.weighting == "equal"):
            raise ValueError("privacy of members takes a secure sum (secure) of equal members (weighting=equal)")
        return self


class Turn(FrozenParams):
    """A turn of a session: its members by the keys that they advertised, and how many unmask a sum."""

    session: Digest
    turn: Annotated[int, Field(ge=0, lt=TURNS_MAX)] = 0
    keys: Digests = ()
    threshold: Annotated[int, Field(ge=2, le=MEMBERS_MAX)] = 2

    @model_validator(mode="after")
    def cannot_be_split(self) -> Self:
        """Refuse a threshold that two disjoint parts of the members could both reach."""
        if self.keys and not len(self.keys) < 2 * self.threshold <= 2 * len(self.keys):
            raise ValueError(
                f"the threshold has to be more than half of {len(self.keys)} members, and no more than all"
            )
        return self


class MemberParams(ModelParams):
    """One act of one member: which data set, named by its commitment, and what of it."""

    act: Literal["keys", "shares", "update", "unmask"] = "update"
    data: Digest
    model: Digest | None = None
    start_seed: Annotated[int, Field(ge=0, lt=2**63)] = 0
    steps: Annotated[int, Field(ge=1, le=100_000)] = 10
    batch: Annotated[int, Field(ge=1, le=65_536)] = 32
    learning_rate: Annotated[float, Field(gt=0, le=10, allow_inf_nan=False)] = 0.1
    prox: Annotated[float, Field(ge=0, le=100, allow_inf_nan=False)] = 0.0
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 0
    masked: Turn | None = None
    dealers: Annotated[tuple[Place, ...], Field(max_length=MEMBERS_MAX)] = ()
    shares: Digests = ()
    survivors: Annotated[tuple[Place, ...], Field(max_length=MEMBERS_MAX)] = ()

    @model_validator(mode="after")
    def has_what_it_needs(self) -> Self:
        """Refuse an act that lacks what it answers to."""
        turn, told = self.masked, {"keys": (), "shares": (), "update": self.dealers, "unmask": self.survivors}
        if self.secure != (turn is not None):
            raise ValueError("a secure sum has a session, and nothing else has (secure, masked)")
        if self.privacy and self.privacy.unit == "member" and turn and self.quorum > turn.threshold:
            raise ValueError(
                "a sum that fewer than the quorum could open has less noise than is told (quorum, threshold)"
            )
        if turn is None:
            if self.act != "update":
                raise ValueError(f"{self.act} is an act of a secure sum")
            return self
        if (self.act != "keys") != bool(turn.keys):
            raise ValueError("every act but the first names the members' keys")
        places = told[self.act]
        if self.act in ("update", "unmask") and not turn.threshold <= len(set(places)) == len(places):
            raise ValueError(f"fewer than {turn.threshold} members: nothing could be unmasked")
        if any(place >= len(turn.keys) for place in (*self.dealers, *self.survivors)):
            raise ValueError("a member is named who has no keys")
        if self.act == "unmask" and (len(self.shares) != len(self.dealers) or set(self.survivors) - set(self.dealers)):
            raise ValueError("to unmask takes the shares of each dealer, and survivors who are dealers")
        return self

    @property
    def units(self) -> int:
        """What the act costs, in examples trained on."""
        return self.steps * self.batch if self.act == "update" else ACT_UNITS


class StepParams(ModelParams):
    """The joining of a turn: the updates that came in, and the state that they are joined to."""

    model: Digest | None = None
    start_seed: Annotated[int, Field(ge=0, lt=2**63)] = 0
    updates: Annotated[tuple[Digest, ...], Field(min_length=1, max_length=MEMBERS_MAX)]
    rule: Rule = "mean"
    hostile: Annotated[int, Field(ge=0, le=11, description="updates that may be false")] = 0
    server: Literal["average", "adam"] = "average"
    server_rate: Annotated[float, Field(gt=0, le=10, allow_inf_nan=False)] = 1.0
    betas: tuple[Annotated[float, Field(ge=0, lt=1)], Annotated[float, Field(ge=0, lt=1)]] = (0.9, 0.99)
    adaptivity: Annotated[float, Field(gt=0, le=1, allow_inf_nan=False)] = 1e-3
    masked: Turn | None = None
    dealers: Annotated[tuple[Place, ...], Field(max_length=MEMBERS_MAX)] = ()
    unmaskings: Digests = ()

    @model_validator(mode="after")
    def can_see_what_it_judges(self) -> Self:
        """Refuse rules that look at single updates where only their sum can be seen."""
        if self.secure and (self.rule != "mean" or self.hostile):
            raise ValueError(f"{self.rule} compares members' updates, and of a secure sum nobody sees any: choose one")
        if self.secure != (self.masked is not None) or self.secure != bool(self.unmaskings):
            raise ValueError("a secure sum has a session and what opens it, and nothing else has (masked, unmaskings)")
        if len(self.updates) < self.quorum:
            raise ValueError(f"a turn takes {self.quorum} updates, {len(self.updates)} came in")
        return self

    @property
    def units(self) -> int:
        """What it costs: some passes over all weights for each update."""
        return ACT_UNITS * (1 + len(self.updates) + len(self.unmaskings))
