"""A run as it is shown: a bar for the rounds and one for each member, a sentence for each fact."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from rich.console import Group
from rich.progress import TaskID

from assay.client import output
from assay.client.output import Output
from assay.client.rounds import facts
from assay.client.rounds.board import RoundsBar
from assay.client.rounds.course import Run
from assay.client.rounds.facts import AnyFact
from assay.client.view import JobView


class Board(RoundsBar):
    """Bars and lines while a run is kept; lines of JSON for scripts."""

    def __init__(self, out: Output) -> None:
        super().__init__(out)
        self._bars: dict[str, TaskID] = {}
        self._names: dict[str, str] = {}

    def begin(self, run: Run) -> None:
        """Show where a run stands."""
        self.at(run.round, run.plan.rounds)
        self._names = {order.job_id: name_of(order.part, order.member) for order in run.orders}

    def tell(self, said: AnyFact | JobView) -> None:
        """Show a fact, or how far a job has come."""
        if isinstance(said, JobView):
            self._look(said)
            return
        if isinstance(said, facts.Ordered):
            self._names[said.job_id] = name_of(said.part, said.member)
        if isinstance(said, facts.Judged):
            self.at(said.round + 1)
            self._clear()
        words = WORDS.get(type(said))
        self._out.show(said, lambda: words(said) if words else said.fact)

    def _look(self, view: JobView) -> None:
        name = self._names.get(view.job_id, view.job_id)
        if view.job_id not in self._bars:
            self._bars[view.job_id] = self._progress.add_task(name, total=view.segments)
        self._progress.update(self._bars[view.job_id], completed=view.committed, description=f"{name} {view.state}")

    def _clear(self) -> None:
        for bar in self._bars.values():
            self._progress.remove_task(bar)
        self._bars.clear()


def name_of(part: str, member: int | None) -> str:
    """What an order is for."""
    return part if member is None else f"{part} {member}"


def percent(score_ppm: int) -> str:
    """A cosine in hundredths."""
    return f"{score_ppm / 1e6:.2f}"


WORDS: Final[Mapping[type[Any], Callable[[Any], str]]] = {
    facts.Plan: lambda said: f"{said.rounds} rounds",
    facts.Joined: lambda said: f"member {said.member} joins",
    facts.Left: lambda said: f"member {said.member} leaves",
    facts.Sealed: lambda said: "what its jobs make is sealed",
    facts.Opened: lambda said: f"round {said.round}: {', '.join(map(str, said.roster))} are in",
    facts.Ordered: lambda said: f"  {name_of(said.part, said.member)} is job {said.job_id}",
    facts.Missed: lambda said: f"  job {said.job_id} is left out: {said.reason}",
    facts.Closed: lambda said: f"  {len(said.results)} results",
    facts.Voided: lambda said: f"  too few results: round {said.round} is held again",
    facts.Judged: lambda said: f"  they agree by {', '.join(map(percent, said.scores_ppm.values()))}",
    facts.Framed: lambda said: f"  keyframe {said.keyframe[:12]}",
    facts.Ended: lambda said: f"the model is {said.result[:12]}",
}


def summary(run: Run, target: Path, paid: int) -> Group:
    """The run for people, once it has ended."""
    rows = [
        (
            member,
            len(scores),
            percent(sum(scores) // len(scores)),
            sum(o.missed is not None for o in run.orders if o.member == member),
        )
        for member, scores in sorted(run.scores.items())
    ]
    table = output.table("members", ("member", "rounds counted", "agreement", "missed"), rows)
    return Group(table, f"{target}: {run.round} rounds, {len(run.orders)} jobs, paid {output.stable(paid)} so far")
