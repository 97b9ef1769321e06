"""What every keeper is made of: a journal and the run after it, the run's jobs, and who hears of both."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Generic, Protocol, TypeVar

from assay.client.rounds.facts import Fact, Sealed, Terms
from assay.client.rounds.jobs import Jobs, Market
from assay.client.rounds.journal import Journal
from assay.client.rounds.sealing import is_to_seal, regions_of
from assay.client.rounds.story import Story
from assay.client.view import JobView
from assay.schema.job import JobSpec


class Sealable(Protocol):
    """A run as its journal tells it."""

    @property
    def plan(self) -> Terms: ...

    @property
    def sealed(self) -> Sealed | None: ...


R = TypeVar("R", bound=Sealable)
M = TypeVar("M", bound=Market)


class Keeping(ABC, Generic[R, M]):
    """Keeps one run, as its `story` tells. `tell` hears every fact, and each job whenever it is looked at."""

    story: ClassVar[Story[Any]]

    def __init__(
        self, market: M, journal: Journal[Any], now_ms: Callable[[], int], tell: Callable[[Any | JobView], None]
    ) -> None:
        self.market, self.journal, self.now_ms, self.tell = market, journal, now_ms, tell
        self.jobs = Jobs(market, now_ms, tell)
        self.run: R = self.story.fold(journal.read())

    async def settle(self, first: Sequence[JobSpec] = ()) -> None:
        """Have what the jobs of a run that is about to begin make sealed, if it is to be. Raises Refused: key.*."""
        if self.run.sealed is None and is_to_seal(self.run.plan, first):
            regions = regions_of([spec.requirements.regions for spec in first])
            self.note(Sealed(seal=await self.market.new_seal(regions), regions=regions))

    @property
    def seal(self) -> str | None:
        """The seal of what the run's jobs make."""
        return self.run.sealed.seal if self.run.sealed else None

    @abstractmethod
    async def keep(self) -> R:
        """The run at its end. Raises Refused, Unreachable."""

    def note(self, fact: Fact) -> R:
        """The run after a fact, which is written down."""
        self.journal.write(fact)
        self.run = self.story.after(self.run, fact)
        self.tell(fact)
        return self.run
