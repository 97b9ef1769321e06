"""Where a federation stands after its journal, and what is to be done next. Pure: the journal is the only memory.

Turns are numbered through, and none is held twice: of a turn members answer each question once.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, NamedTuple

from pydantic import JsonValue

from assay.client.federation import facts
from assay.client.federation.facts import Act, Part, Plan
from assay.client.rounds.facts import Missed, Sealed
from assay.client.rounds.story import Story, after_missed

MEMBER, STEP = "federated", "federated-step"
TRIES_MAX: Final = 3
Params = dict[str, JsonValue]
Results = Mapping[int, str]


class Phase(NamedTuple):
    """An act that members are asked for, and how many of them have to answer."""

    act: Act
    roster: tuple[int, ...]
    least: int


class Join(NamedTuple):
    """The joining of the turn at hand."""


class Begin(NamedTuple):
    """A new session."""


@dataclass(frozen=True)
class Order:
    """A job that was ordered: for what, and whether it came to nothing."""

    job_id: str
    part: Part
    turn: int
    member: int | None
    missed: str | None = None


@dataclass(frozen=True)
class Run:
    """A federation: who is in, the session and the turn at hand, what the acts of it came to, and every job."""

    plan: Plan
    members: Mapping[int, facts.Joined] = field(default_factory=dict)
    session: facts.Begun | None = None
    turn: int = 0
    round: int = 0
    opened: facts.Opened | None = None
    closed: Mapping[Act, Results] = field(default_factory=dict)
    voids: int = 0
    state: str | None = None
    orders: tuple[Order, ...] = ()
    said: tuple[Mapping[str, Any], ...] = ()
    sealed: Sealed | None = None

    def standing(self, part: Part, member: int | None = None) -> Order | None:
        """The last order for a part of the turn at hand."""
        wanted = part, self.turn, member
        return next((o for o in reversed(self.orders) if (o.part, o.turn, o.member) == wanted), None)

    @property
    def seats(self) -> tuple[int, ...]:
        """The members of the session, at their places."""
        return tuple(sorted(self.closed.get("keys", {})))

    @property
    def made(self) -> frozenset[str]:
        """What jobs of the run made that others read."""
        state = (self.state,) if self.state else ()
        return frozenset((*state, *(digest for results in self.closed.values() for digest in results.values())))

    @property
    def threshold(self) -> int:
        """How many members unmask a sum."""
        return threshold_of(self.plan, len(self.seats) or len(self.members))

    def places(self, members: Iterable[int]) -> list[JsonValue]:
        """The places of members in the session."""
        return [self.seats.index(member) for member in sorted(members)]


def threshold_of(plan: Plan, members: int) -> int:
    """How many of so many members unmask a sum: two thirds, so that a third may be gone and a third may collude."""
    return plan.threshold or max(members // 2 + 1, -(-2 * members // 3), 2)


def after_voided(run: Run, fact: facts.Voided) -> Run:
    """The run at the next turn; a session that has not come about yet is begun anew."""
    kept = lasting(run) if "shares" in run.closed else {}
    session = run.session if kept else None
    return replace(run, turn=run.turn + 1, session=session, opened=None, closed=kept, voids=run.voids + 1)


def after_stepped(run: Run, fact: facts.Stepped) -> Run:
    """The run before its next round."""
    ahead = replace(run, turn=run.turn + 1, round=run.round + 1, voids=0, opened=None, closed=lasting(run))
    return replace(ahead, state=fact.state, said=(*run.said, fact.said))


def lasting(run: Run) -> Mapping[Act, Results]:
    """What of a turn holds for the next ones of its session."""
    return {act: results for act, results in run.closed.items() if act in ("keys", "shares")}


FOLDS: Final[Mapping[type[Any], Callable[[Run, Any], Run]]] = {
    facts.Joined: lambda run, fact: replace(run, members={**run.members, fact.member: fact}),
    Sealed: lambda run, fact: replace(run, sealed=fact),
    facts.Begun: lambda run, fact: replace(run, session=fact, closed={}),
    facts.Opened: lambda run, fact: replace(run, opened=fact),
    facts.Ordered: lambda run, fact: replace(
        run, orders=(*run.orders, Order(fact.job_id, fact.part, fact.turn, fact.member))
    ),
    Missed: after_missed,
    facts.Closed: lambda run, fact: replace(run, opened=None, closed={**run.closed, fact.act: fact.results}),
    facts.Voided: after_voided,
    facts.Stepped: after_stepped,
}
STORY: Final = Story(Plan, Run, FOLDS)


def next_of(run: Run) -> Phase | Join | Begin | None:
    """What is to be done next; nothing once all rounds are made."""
    if run.round >= run.plan.rounds:
        return None
    everybody, closed = tuple(sorted(run.members)), run.closed
    if not run.plan.secure:
        return Join() if "update" in closed else Phase("update", everybody, run.plan.quorum)
    if run.session is None or run.turn - run.session.turn >= facts.TURNS_MAX:
        return Begin()
    if "keys" not in closed:
        return Phase("keys", everybody, max(run.plan.quorum, threshold_of(run.plan, len(everybody))))
    rosters: dict[Act, Act] = {"shares": "keys", "update": "shares", "unmask": "update"}
    for act, before in rosters.items():
        if act not in closed:
            return Phase(act, tuple(sorted(closed[before])), run.threshold)
    return Join()


def member_params(run: Run, act: Act, member: int) -> Params:
    """The parameters of a member's job in the turn at hand."""
    own: Params = {"act": act, "data": run.members[member].data, "seed": run.turn, "secure": run.plan.secure}
    told = masked_of(run, act != "keys")
    model: Params = {"model": run.state} if run.state and act == "update" else {}
    params = {**run.plan.model, **run.plan.member, **own, **model, **told}
    if act in ("update", "unmask") and run.plan.secure:
        params["dealers"] = run.places(run.closed["shares"])
    if act == "unmask":
        shares = run.closed["shares"]
        params |= {"shares": [shares[each] for each in sorted(shares)]}
        params |= {"survivors": run.places(run.closed["update"])}
    return params


def masked_of(run: Run, has_keys: bool = True) -> Params:
    """The turn of a secure sum as parameters."""
    if run.session is None:
        return {"quorum": run.plan.quorum}
    keys: JsonValue = [run.closed["keys"][member] for member in run.seats] if has_keys else []
    turn: Params = {"session": run.session.session, "turn": run.turn - run.session.turn, "keys": keys}
    return {"quorum": run.threshold, "masked": {**turn, "threshold": run.threshold}}


def step_params(run: Run) -> Params:
    """The parameters of the joining of the turn at hand."""
    updates = run.closed["update"]
    joined: Params = {"updates": [updates[each] for each in sorted(updates)], "secure": run.plan.secure}
    model: Params = {"model": run.state} if run.state else {}
    params = {**run.plan.model, **run.plan.step, **joined, **model, **masked_of(run)}
    if run.plan.secure:
        opened = run.closed["unmask"]
        params["dealers"] = run.places(run.closed["shares"])
        params["unmaskings"] = [opened[each] for each in sorted(opened)]
    return params
