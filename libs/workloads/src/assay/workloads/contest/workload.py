"""A round of a prediction contest: seals are opened, weights meet in consensus, the prize of the round is shared out.

Models seal their answers before the truth is known, validators their weights (`scores.weigh`) once it is; in the round
after, both are opened. A round is a job, and the order of each, which is public, names the seals of the next round, so
nobody can seal later than that; whoever copies weights has only those of the round before. Verified by equal bytes:
anybody runs a round again from public files (`exact`, or replication).
"""

from collections.abc import Callable
from typing import Annotated, ClassVar, Self

from blake3 import blake3
from pydantic import Field, model_validator

from assay.schema.values import Digest
from assay.workloads.contest.standings import Standings, step
from assay.workloads.contest.statements import Address, Round, read_opened, read_sealed
from assay.workloads.errors import BadData
from assay.workloads.workload import FrozenParams, Inputs, Progress, SegmentResult, distance_of_exact

Stake = Annotated[int, Field(ge=0, le=2**96)]


class ContestParams(FrozenParams):
    """One round. The first has neither `previous` nor statements: it only names the seals of the second.

    `stakes` are the validators', in native units, as the chain has them; `chain_id` and `contract` are what statements
    are signed for.
    """

    contest: Annotated[str, Field(min_length=1, max_length=64)]
    chain_id: Annotated[int, Field(ge=1, lt=2**53)]
    contract: Address
    previous: Digest | None = None
    sealed: Digest | None = None
    opened: Digest | None = None
    next_sealed: Digest | None = None
    stakes: Annotated[dict[Address, Stake], Field(default_factory=dict, max_length=1_024)]

    @model_validator(mode="after")
    def has_all_or_none(self) -> Self:
        """Refuse a round that has a part of what a later round needs, or a first one that leads nowhere."""
        files = (self.previous, self.sealed, self.opened)
        if any(files) and not all(files):
            raise ValueError("name previous, sealed and opened together, or none of them for the first round")
        if not any(files) and self.next_sealed is None:
            raise ValueError("the first round has to name the next one's seals in next_sealed")
        return self


class Contest:
    """A contest's round as a workload."""

    kind: ClassVar[str] = "contest"
    Params: ClassVar[type[FrozenParams]] = ContestParams

    def plan(self, params: ContestParams) -> list[int]:
        """Return one segment of one unit: a round."""
        return [1]

    def inputs(self, params: ContestParams) -> list[str]:
        """Return the digests of the standings before and of what was sealed and opened."""
        return [file for file in (params.previous, params.sealed, params.opened) if file]

    def requirements(self, params: ContestParams) -> dict[str, int]:
        """Return what two files of statements take in memory, generously."""
        return {"memory_bytes": 512 << 20, "threads": 1}

    def start(self, params: ContestParams, inputs: Inputs) -> bytes:
        """Return the standings before this round. Raises BadCheckpoint, BadData, InputMissing."""
        if params.previous is None:
            return Standings(contest=params.contest, number=0, bound=None).write()
        before = Standings.read(inputs.read(params.previous))
        if before.contest != params.contest:
            raise BadData(f"The standings are of the contest {before.contest!r}, not of {params.contest!r}.")
        if before.bound != params.sealed:
            raise BadData(f"The round before bound the seals {before.bound}, not {params.sealed}.")
        return before.write()

    def run(
        self, params: ContestParams, inputs: Inputs, state: bytes, index: int, progress: Callable[[Progress], None]
    ) -> SegmentResult:
        """Return the round. Raises BadCheckpoint, BadData, InputMissing."""
        before = Standings.read(state)
        opened = []
        if params.sealed and params.opened:
            place = Round(
                contest=params.contest,
                number=before.number + 1,
                chain_id=params.chain_id,
                contract=params.contract,
            )
            seals = read_sealed(inputs.read(params.sealed), place)
            opened = read_opened(inputs.read(params.opened), seals)
        after = step(before, opened, params.stakes, params.next_sealed).write()
        progress(Progress(1, 1, {"entered": float(len(opened))}))
        return SegmentResult(after, self.digest(after), 1, {})

    def digest(self, state: bytes) -> str:
        """Return the digest of the standings' one form. Raises BadCheckpoint."""
        return blake3(Standings.read(state).write()).hexdigest()

    def distance(self, a: bytes, b: bytes, start: bytes) -> float:
        """Return 0 for equal standings, else infinity. Raises BadCheckpoint."""
        return distance_of_exact(self.digest(a), self.digest(b))

    def result(self, params: ContestParams, state: bytes) -> bytes:
        """Return the standings, which the next round starts from. Raises BadCheckpoint."""
        return Standings.read(state).write()
