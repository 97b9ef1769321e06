"""Parameters as they are, the acts that set them, and what such an act says when it is read."""

import asyncio
from collections.abc import Mapping
from typing import NamedTuple

from assay.chain.errors import ChainError
from assay.chain.governed.acts import Act, Node, attempt, places, words
from assay.chain.governed.parameters import PARAMETERS, SETTERS, Parameter, Setter, Unit
from assay.chain.words import WORD_BYTES, selector, uint


class Unsettable(ChainError):
    """A vote cannot set this."""

    code = "vote.unsettable"
    advice = "`assay gov parameters` lists what can be set, and its hard range."


class Change(NamedTuple):
    """One parameter, what an act sets it to, and what it is now (None for an office, which is given)."""

    parameter: Parameter
    value: int
    now: int | None

    @property
    def is_new(self) -> bool:
        """Whether the act would change it."""
        return self.value != self.now


async def present(node: Node) -> dict[str, int]:
    """Returns every parameter as it is now, by name; offices that are given, and what is not deployed, are left out."""
    asked = [setter for setter in SETTERS if setter.asked and place_of(node, setter)]
    answers = await asyncio.gather(*(values_of(node, setter) for setter in asked))
    return {
        parameter.name: value
        for setter, values in zip(asked, answers, strict=True)
        for parameter, value in zip(setter.parameters, values, strict=True)
    }


def place_of(node: Node, setter: Setter) -> str:
    """Returns where a function's contract stands, empty if it is not deployed."""
    return str(getattr(places(node), setter.contract))


async def values_of(node: Node, setter: Setter) -> list[int]:
    """Returns what a function's parameters are now."""
    at = place_of(node, setter)
    answers = await asyncio.gather(*(words(node, at, asked, *setter.fixed) for asked in setter.asked))
    return [word for answer in answers for word in answer]


def acts_for(node: Node, wanted: Mapping[str, int], now: Mapping[str, int]) -> list[Act]:
    """Returns the acts that set these parameters and leave the others as they are now.

    Raises Unsettable.
    """
    for name, value in wanted.items():
        require(name, value)
    return [
        act_of(node, setter, [wanted.get(each.name, now.get(each.name, 0)) for each in setter.parameters])
        for setter in SETTERS
        if any(each.name in wanted for each in setter.parameters)
    ]


def require(name: str, value: int) -> None:
    """Raises Unsettable unless there is such a parameter and the value is in its range."""
    if name not in PARAMETERS:
        raise Unsettable(f"There is no parameter {name!r}.")
    least, most = PARAMETERS[name].least, PARAMETERS[name].most
    if not least <= value <= most:
        raise Unsettable(f"{name} is from {least} to {most} in base units, not {value}.")


def act_of(node: Node, setter: Setter, values: list[int]) -> Act:
    """Returns the act of a function with these values. Raises Unsettable if its contract is not deployed."""
    if not place_of(node, setter):
        raise Unsettable(f"This deployment has no {setter.contract}.")
    return Act(place_of(node, setter), selector(setter.function) + b"".join(map(uint, (*setter.fixed, *values))))


def read_act(node: Node, act: Act, now: Mapping[str, int]) -> list[Change] | None:
    """Returns what an act sets, or None for one that no vote should pass unread."""
    for setter in SETTERS:
        head = selector(setter.function) + b"".join(map(uint, setter.fixed))
        size = len(head) + len(setter.parameters) * WORD_BYTES
        if act.to == place_of(node, setter) and act.data.startswith(head) and len(act.data) == size and not act.value:
            said = (act.data[at : at + WORD_BYTES] for at in range(len(head), size, WORD_BYTES))
            pairs = zip(setter.parameters, (int.from_bytes(word, "big") for word in said), strict=True)
            changes = [Change(parameter, value, now.get(parameter.name)) for parameter, value in pairs]
            return changes if all(map(is_sayable, changes)) else None
    return None


def is_sayable(change: Change) -> bool:
    """Whether a word can be what it stands for: the bytes before an address are zero."""
    return change.parameter.unit is not Unit.ADDRESS or change.value <= change.parameter.most


async def rehearse(node: Node, acts: list[Act]) -> None:
    """Does nothing but raise Declined where an act would fail once it is decided.

    What the votes' own contract lets the timelock do only while it carries out a decision is left out: its parameters
    stand alone, and `acts_for` holds their ranges.
    """
    at = places(node)
    for act in acts:
        if act.to != at.governance:
            await attempt(node, at.timelock, act)
