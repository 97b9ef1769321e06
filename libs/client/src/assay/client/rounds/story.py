"""How the journal of a run is read: each fact changes the run before it, by a table; the first is the plan."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

from assay.client.rounds.facts import Fact, Missed
from assay.schema.errors import BadSettings

R = TypeVar("R")


@dataclass(frozen=True)
class Story(Generic[R]):
    """The facts of one kind of run: what a `plan` begins, and what each other fact changes."""

    plan: type[Fact]
    begin: Callable[[Any], R]
    folds: Mapping[type[Any], Callable[[R, Any], R]]

    def fold(self, said: Iterable[Fact]) -> R:
        """The run after its journal. Raises BadSettings if that begins with no plan."""
        run: R | None = None
        for fact in said:
            run = self.after(run, fact)
        if run is None:
            raise BadSettings("The journal is empty: there is no run to take up.")
        return run

    def after(self, run: R | None, fact: Fact) -> R:
        """The run after one more fact. Raises BadSettings if the first is no plan."""
        if isinstance(fact, self.plan):
            return self.begin(fact)
        if run is None:
            raise BadSettings("The journal begins with no plan: it is not that of such a run.")
        return self.folds[type(fact)](run, fact)


def after_missed(run: Any, fact: Missed) -> Any:
    """The run without the job."""
    orders = tuple(replace(o, missed=fact.reason) if o.job_id == fact.job_id else o for o in run.orders)
    return replace(run, orders=orders)
