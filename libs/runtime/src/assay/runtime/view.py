"""A life as one service sees it: through the events that it hears or says; other moves happen out of its sight.

So an event is *legal* if a state that may have been reached unseen allows it, *behind* if the aggregate has gone past
it, *ahead* if seen events must come between. Pure.
"""

from collections.abc import Iterable
from enum import Enum
from typing import Any

from assay.schema import LIVES, Event
from assay.schema.life import Life


class Place(Enum):
    """Where a heard event stands against what is known."""

    NEXT = "next"
    BEHIND = "behind"
    AHEAD = "ahead"


class View:
    """One life, seen through the events `seen`."""

    def __init__(self, life: Life[Any], seen: frozenset[type[Event]]) -> None:
        self.life, self.entity = life, life.entity
        self.births = frozenset(move.event for move in life.moves if not move.sources)
        edges = [(source, move.event, move.target) for move in life.moves for source in move.sources or (None,)]
        states = {None, *(target for _, _, target in edges)}
        unseen = [(source, target) for source, event, target in edges if event not in seen]
        may_be = {state: _reach(state, unseen) | {state} for state in states}
        self._legal = {(state, event) for state in states for source, event, _ in edges if source in may_be[state]}
        self._sources = {event: frozenset(s for s, e, _ in edges if e is event) for _, event, _ in edges}
        self._later = {state: _reach(state, [(source, target) for source, _, target in edges]) for state in states}

    def place(self, state: Any, event: type[Event]) -> Place:
        """Where a heard event stands. One on another branch of the life is NEXT: who may end it has the last word."""
        if self.is_legal(state, event):
            return Place.NEXT
        target = self.life.targets[event]
        if state == target:
            return Place.BEHIND
        if self._sources[event] & self._later[state]:
            return Place.AHEAD
        return Place.BEHIND if state in self._later[target] else Place.NEXT

    def is_legal(self, state: Any, event: type[Event]) -> bool:
        """Whether the event may come now."""
        return (state, event) in self._legal

    def advance(self, state: Any, event: type[Event]) -> Any:
        """The state after an event that this service says. Raises IllegalTransition."""
        return self.life.targets[event] if self.is_legal(state, event) else self.life.advance(state, event)


def views_of(seen: frozenset[type[Event]]) -> dict[type[Event], View]:
    """The view that belongs to each seen event of a life."""
    views = {entity: View(life, seen) for entity, life in LIVES.items()}
    return {event: views[event.entity()] for event in seen}


def _reach(start: Any, edges: Iterable[tuple[Any, Any]]) -> frozenset[Any]:
    found: set[Any] = set()
    frontier = {start}
    while frontier:
        frontier = {target for source, target in edges if source in frontier} - found
        found |= frontier
    return frozenset(found)
