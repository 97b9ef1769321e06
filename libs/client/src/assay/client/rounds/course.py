"""Where a run stands after its journal, and what is to be done next. Pure: the journal is the only memory."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import Any, Final

from pydantic import JsonValue

from assay.client.rounds import facts
from assay.client.rounds.facts import Missed, Part, Plan
from assay.client.rounds.sealing import regions_of
from assay.client.rounds.story import Story, after_missed

MEMBER, OUTER = "diloco", "diloco-outer"
TRIES_MAX: Final = 3
Params = dict[str, JsonValue]


@dataclass(frozen=True)
class Order:
    """A job that was ordered: for what, and whether it came to nothing."""

    job_id: str
    part: Part
    round: int
    member: int | None
    attempt: int = 0
    missed: str | None = None


@dataclass(frozen=True)
class Run:
    """A run: who is in, the round at hand, what counted in those before it, and every job that was ordered."""

    plan: Plan
    members: Mapping[int, facts.Joined] = field(default_factory=dict)
    joined: int = 0
    round: int = 0
    opened: facts.Opened | None = None
    closed: facts.Closed | None = None
    voids: int = 0
    history: tuple[tuple[str, ...], ...] = ()
    keyframe: str | None = None
    carried: Mapping[int, str] = field(default_factory=dict)
    orders: tuple[Order, ...] = ()
    scores: Mapping[int, tuple[int, ...]] = field(default_factory=dict)
    result: str | None = None
    sealed: facts.Sealed | None = None

    def ordered(self, part: Part, member: int | None = None) -> list[Order]:
        """What was ordered for a part of the round at hand, as it is held now."""
        wanted = part, self.round, member, self.voids
        return [o for o in self.orders if (o.part, o.round, o.member, o.attempt) == wanted]

    def standing(self, part: Part, member: int | None = None) -> Order | None:
        """The order for a part of the round at hand that has not come to nothing."""
        return next((order for order in self.ordered(part, member) if order.missed is None), None)

    @property
    def made(self) -> frozenset[str]:
        """What jobs of the run made that others read."""
        results = self.closed.results.values() if self.closed else ()
        frame = (self.keyframe,) if self.keyframe else ()
        return frozenset((*chain(*self.history), *self.carried.values(), *results, *frame))

    @property
    def past(self) -> Params:
        """The outer state as parameters."""
        frame: Params = {"keyframe": self.keyframe} if self.keyframe else {}
        return {**self.plan.course, **frame, "history": [list(results) for results in self.history]}


def after_ordered(run: Run, fact: facts.Ordered) -> Run:
    """The run with one job more."""
    order = Order(fact.job_id, fact.part, fact.round, fact.member, run.voids)
    return replace(run, orders=(*run.orders, order))


def after_judged(run: Run, fact: facts.Judged) -> Run:
    """The run before its next round."""
    assert run.closed is not None
    whose = {digest: member for member, digest in run.closed.results.items()}
    scores = dict(run.scores)
    for digest, score in fact.scores_ppm.items():
        if digest in whose:
            scores[whose[digest]] = (*scores.get(whose[digest], ()), score)
    return replace(
        run,
        round=run.round + 1,
        opened=None,
        closed=None,
        voids=0,
        history=(*run.history, fact.counted),
        # What did not count may be garbled, and would be read by all later jobs of its member.
        carried={**run.carried, **{member: digest for digest, member in whose.items() if digest in fact.counted}},
        scores=scores,
    )


FOLDS: Final[Mapping[type[Any], Callable[[Run, Any], Run]]] = {
    facts.Joined: lambda run, fact: replace(
        run, members={**run.members, fact.member: fact}, joined=max(run.joined, fact.member + 1)
    ),
    facts.Left: lambda run, fact: replace(run, members={n: m for n, m in run.members.items() if n != fact.member}),
    facts.Sealed: lambda run, fact: replace(run, sealed=fact),
    facts.Opened: lambda run, fact: replace(run, opened=fact),
    facts.Ordered: after_ordered,
    Missed: after_missed,
    facts.Closed: lambda run, fact: replace(run, closed=fact),
    facts.Voided: lambda run, fact: replace(run, opened=None, closed=None, voids=run.voids + 1),
    facts.Judged: after_judged,
    facts.Framed: lambda run, fact: replace(run, keyframe=fact.keyframe, history=()),
    facts.Ended: lambda run, fact: replace(run, result=fact.result),
}
STORY: Final = Story(Plan, Run, FOLDS)


def next_part(run: Run) -> Part | None:
    """What is to be made next: the members' results, an outcome, a keyframe, the model; nothing once it is there."""
    if run.result:
        return None
    if run.closed:
        return "outcome"
    if run.round >= run.plan.rounds:
        return "model"
    roster = run.opened.roster if run.opened else tuple(run.members)
    named = sum(map(len, run.history)) + bool(run.keyframe)
    # The outer step of the round names all of that and the round's own results.
    return "keyframe" if named > 1 and named + len(roster) > facts.INPUTS_MAX and not run.opened else "member"


def member_params(run: Run, member: int) -> Params:
    """The parameters of a member's job in the round at hand."""
    joined, carried = run.members[member], run.carried.get(member)
    feedback: Params = {"carried": carried} if run.plan.member.get("feedback") and carried else {}
    own: Params = {"data": joined.data, "seed": member, "round": run.round}
    return {**run.past, **run.plan.member, **own, **feedback}


def outer_regions(run: Run) -> tuple[str, ...]:
    """Where an outer job may run: wherever any of the members may, as far as the run's seal goes."""
    return regions_of([member.regions for member in run.members.values()]) or (run.sealed.regions if run.sealed else ())


def outer_params(run: Run, part: Part) -> Params:
    """The parameters of an outer job."""
    results = list(dict.fromkeys(run.closed.results.values())) if run.closed and part == "outcome" else []
    return {**run.past, "makes": part, **({"results": list(results)} if results else {})}
