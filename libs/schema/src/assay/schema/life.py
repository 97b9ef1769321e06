"""How an aggregate lives: a table of moves, and the only function that reads it."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, TypeVar

from assay.schema.errors import IllegalTransition
from assay.schema.event import Event
from assay.schema.values import Role

State = TypeVar("State", bound=StrEnum)


@dataclass(frozen=True, slots=True)
class Move(Generic[State]):
    """One row: in any state of `sources` (none: before birth) `event`, said by `by`, leads to `target`."""

    sources: tuple[State, ...]
    event: type[Event]
    target: State
    by: Role


class Life(Generic[State]):
    """The life of one kind of aggregate, made of its rows."""

    def __init__(self, entity: str, moves: Iterable[Move[State]]) -> None:
        self.entity = entity
        self.moves = tuple(moves)
        self._next = {(s, m.event): m.target for m in self.moves for s in (m.sources or (None,))}
        self.targets = {m.event: m.target for m in self.moves}
        self._later = self._reach()

    def advance(self, state: State | None, event: type[Event]) -> State:
        """The state after `event`. Raises IllegalTransition if the table has no such row."""
        try:
            return self._next[state, event]
        except KeyError:
            raise IllegalTransition(f"{event.type} cannot follow {self.entity} state {state or 'none'}.") from None

    def is_behind(self, state: State | None, event: type[Event]) -> bool:
        """Whether `event` led to a state that this one has left for good."""
        target = self.targets[event]
        return (
            state is not None and state != target and target not in self._later[state] and state in self._later[target]
        )

    def ends(self) -> frozenset[State]:
        """The states that nothing leaves."""
        return frozenset(state for state, later in self._later.items() if not later - {state})

    def _reach(self) -> dict[State, frozenset[State]]:
        direct: dict[State, set[State]] = {m.target: set() for m in self.moves}
        for move in self.moves:
            for source in move.sources:
                direct[source].add(move.target)
        return {state: frozenset(_closure(state, direct)) for state in direct}


def _closure(start: State, direct: dict[State, set[State]]) -> set[State]:
    seen: set[State] = set()
    open_ = list(direct[start])
    while open_:
        state = open_.pop()
        if state not in seen:
            seen.add(state)
            open_ += direct[state]
    return seen
