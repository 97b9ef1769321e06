"""A federation as it is shown: a bar for the rounds, a sentence for each fact, and in the end what it came to."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from rich.console import Group

from assay.client import output
from assay.client.federation import facts
from assay.client.federation.course import Run
from assay.client.federation.facts import AnyFact
from assay.client.rounds.board import RoundsBar
from assay.client.rounds.facts import Missed, Sealed
from assay.client.view import JobView


class Board(RoundsBar):
    """A bar and lines while a federation is kept; lines of JSON for scripts."""

    def begin(self, run: Run) -> None:
        """Show where a federation stands."""
        self.at(run.round, run.plan.rounds)

    def tell(self, said: AnyFact | JobView) -> None:
        """Show a fact; of jobs nothing but what facts say."""
        if isinstance(said, JobView):
            return
        if isinstance(said, facts.Opened):
            self._progress.update(self._rounds, description=f"turn {said.turn}, {said.act}")
        if isinstance(said, facts.Stepped):
            self.at(said.round + 1)
        self._out.show(said, lambda: WORDS[type(said)](said))


def figures(said: Mapping[str, Any]) -> str:
    """What a turn came to, in words."""
    words = {"loss": "loss before {:.4f}", "right": "{:.1%} right", "epsilon": "ε = {:.3f} spent"}
    parts = [form.format(said[name]) for name, form in words.items() if name in said]
    return ", ".join([f"{len(said['counted'])} updates", *parts])


WORDS: Final[Mapping[type[Any], Callable[[Any], str]]] = {
    facts.Plan: lambda said: f"{said.rounds} rounds on {said.data}",
    facts.Joined: lambda said: f"member {said.member}: {said.data[:12]} at {said.provider}",
    Sealed: lambda said: "what its jobs make is sealed",
    facts.Begun: lambda said: f"session {said.session[:12]}: members advertise keys",
    facts.Opened: lambda said: f"turn {said.turn}, {said.act}: {', '.join(map(str, said.roster)) or 'nobody'}",
    facts.Ordered: lambda said: f"  {said.part}{'' if said.member is None else f' {said.member}'} is job {said.job_id}",
    Missed: lambda said: f"  job {said.job_id} is left out: {said.reason}",
    facts.Closed: lambda said: f"  {len(said.results)} results",
    facts.Voided: lambda said: f"  turn {said.turn} is held again: {said.reason}",
    facts.Stepped: lambda said: f"round {said.round}: {figures(said.said)}",
}


def summary(run: Run, target: Path, paid: int) -> Group:
    """The federation for people, once it has ended."""
    rows = [
        (
            member.member,
            member.provider,
            member.data[:12],
            sum(o.missed is not None for o in run.orders if o.member == member.member),
        )
        for member in run.members.values()
    ]
    table = output.table("members", ("member", "provider", "data", "missed"), rows)
    last = figures(run.said[-1]) if run.said else ""
    jobs = f"{target}: {run.round} rounds, {len(run.orders)} jobs, paid {output.stable(paid)} so far"
    return Group(table, f"{jobs}\nlast turn: {last}")
