"""How far the aggregates of one transaction have come: read once under lock, moved in memory, written once."""

from collections.abc import Iterable, Mapping
from functools import lru_cache

from assay.runtime.view import Place, View
from assay.schema import Event
from assay.schema.errors import IllegalTransition
from assay.store.transaction import Transaction, Who


class Lives:
    """The states that one transaction reads and moves."""

    def __init__(self, views: Mapping[type[Event], View]) -> None:
        self._views = views
        self._entities = tuple(sorted({view.entity for view in views.values()}))
        self._states: dict[Who, str | None] = {}
        self._moved: dict[Who, str] = {}
        self._born: set[Who] = set()

    async def load(self, tx: Transaction, events: Iterable[Event]) -> None:
        """Locks and reads every aggregate that `events` name."""
        await self._lock(
            tx,
            {
                (entity, id_)
                for event in events
                for entity, field in named_by(type(event), self._entities)
                if (id_ := getattr(event, field)) is not None
            },
        )

    async def load_said(self, tx: Transaction, events: Iterable[Event]) -> None:
        """Locks and reads what `events` move, but for newborn aggregates, whose birth shows whether they are new."""
        moving = ((self._views.get(type(event)), event) for event in events)
        await self._lock(tx, {(v.entity, e.about) for v, e in moving if v and type(e) not in v.births})

    def hear(self, event: Event) -> Place:
        """Where a consumed event stands; if it is next, the aggregate moves with it."""
        view = self._views.get(type(event))
        if view is None:
            return Place.NEXT
        who = (view.entity, event.about)
        place = view.place(self._states[who], type(event))
        if place is Place.NEXT:
            self._move(who, view.life.targets[type(event)])
        return place

    def say(self, event: Event) -> None:
        """Moves the aggregate with an event that the service says. Raises IllegalTransition."""
        view = self._views.get(type(event))
        if view is None:
            return
        who = (view.entity, event.about)
        if who not in self._states:
            self._born.add(who)
        self._move(who, view.advance(self._states.get(who), type(event)))

    async def save(self, tx: Transaction) -> None:
        """Writes what moved. Raises IllegalTransition if a newborn aggregate turns out to live already."""
        born = {who: self._moved[who] for who in self._born}
        if born and (known := born.keys() - await tx.bear(born)):
            raise IllegalTransition(f"{' '.join(min(known))} is born already.")
        await tx.set_lives({who: state for who, state in self._moved.items() if who not in born})

    def _move(self, who: Who, state: str) -> None:
        self._states[who] = self._moved[who] = state

    async def _lock(self, tx: Transaction, whose: set[Who]) -> None:
        if wanted := whose - self._states.keys():
            states = await tx.lives(wanted)
            self._states.update((who, states.get(who)) for who in wanted)


@lru_cache(maxsize=1024)
def named_by(event: type[Event], entities: tuple[str, ...]) -> tuple[Who, ...]:
    """Those of the entities that an event of this class names, each with the field that holds the id."""
    return tuple((entity, f"{entity}_id") for entity in entities if f"{entity}_id" in event.model_fields)
