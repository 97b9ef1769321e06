"""How far the aggregates of one transaction have come: read once under lock, moved in memory, written once."""

from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet

from assay.runtime.view import Place, View
from assay.schema import Event
from assay.schema.errors import IllegalTransition
from assay.store.transaction import Transaction


class Lives:
    """The states that one transaction reads and moves."""

    def __init__(self, views: Mapping[type[Event], View]) -> None:
        self._views = views
        self._fields = {entity: f"{entity}_id" for entity in sorted({v.entity for v in views.values()})}
        self._states: dict[str, dict[str, str | None]] = {entity: {} for entity in self._fields}
        self._moved: dict[str, dict[str, str]] = {entity: {} for entity in self._fields}
        self._born: dict[str, set[str]] = {entity: set() for entity in self._fields}

    async def load(self, tx: Transaction, events: Iterable[Event]) -> None:
        """Locks and reads every aggregate that `events` name."""
        events = list(events)
        for entity, field in self._fields.items():
            await self._lock(tx, entity, {getattr(event, field, None) for event in events})

    async def load_said(self, tx: Transaction, events: Iterable[Event]) -> None:
        """Locks and reads what `events` move, but for newborn aggregates, whose birth shows whether they are new."""
        missing: dict[str, set[str | None]] = {}
        for event in events:
            view = self._views.get(type(event))
            if view and type(event) not in view.births and event.about not in self._states[view.entity]:
                missing.setdefault(view.entity, set()).add(event.about)
        for entity in sorted(missing):
            await self._lock(tx, entity, missing[entity])

    def hear(self, event: Event) -> Place:
        """Where a consumed event stands; if it is next, the aggregate moves with it."""
        view = self._views.get(type(event))
        if view is None:
            return Place.NEXT
        place = view.place(self._states[view.entity][event.about], type(event))
        if place is Place.NEXT:
            self._move(view, event.about, view.life.targets[type(event)])
        return place

    def say(self, event: Event) -> None:
        """Moves the aggregate with an event that the service says. Raises IllegalTransition."""
        view = self._views.get(type(event))
        if view is None:
            return
        known = self._states[view.entity]
        if event.about not in known:
            self._born[view.entity].add(event.about)
        self._move(view, event.about, view.advance(known.get(event.about), type(event)))

    async def save(self, tx: Transaction) -> None:
        """Writes what moved. Raises IllegalTransition if a newborn aggregate turns out to live already."""
        for entity, moved in self._moved.items():
            born = {id_: moved[id_] for id_ in self._born[entity]}
            if born and (known := born.keys() - await tx.bear(entity, born)):
                raise IllegalTransition(f"{entity} {min(known)} is born already.")
            await tx.set_life(entity, {id_: state for id_, state in moved.items() if id_ not in born})

    def _move(self, view: View, about: str, state: str) -> None:
        self._states[view.entity][about] = self._moved[view.entity][about] = state

    async def _lock(self, tx: Transaction, entity: str, ids: AbstractSet[str | None]) -> None:
        known = self._states[entity]
        if wanted := {id_ for id_ in ids if id_ is not None and id_ not in known}:
            states = await tx.life(entity, wanted)
            known.update((id_, states.get(id_)) for id_ in wanted)
