"""What every keeper is made of: a journal and the run after it, the run's jobs, and who hears of both."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar, Generic, TypeVar

from assay.client.rounds.facts import Fact
from assay.client.rounds.jobs import Jobs, Market
from assay.client.rounds.journal import Journal
from assay.client.rounds.story import Story
from assay.client.view import JobView

R = TypeVar("R")
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

    @abstractmethod
    async def keep(self) -> R:
        """The run at its end. Raises Refused, Unreachable."""

    def note(self, fact: Fact) -> R:
        """The run after a fact, which is written down."""
        self.journal.write(fact)
        self.run = self.story.after(self.run, fact)
        self.tell(fact)
        return self.run
