"""The tables agree: who says an event declares it, who hears it can, and the contracts name the same things."""

import pytest
from tools.services import NAMES, service

from assay.chain.values import SlashReason as OnChain
from assay.schema import LIVES, REGISTRY
from assay.schema.lease import SlashReason
from assay.schema.values import PARTICIPANTS, Role


@pytest.mark.parametrize("name", NAMES)
def test_a_service_publishes_only_what_is_its_own_to_say(name: str) -> None:
    assert [event.type for event in service(name).publishes if event.by is not Role(name)] == []


def test_every_event_is_said_by_exactly_one_service_or_by_participants() -> None:
    said = [event for name in NAMES for event in service(name).publishes]
    assert len(said) == len(set(said))
    assert {e.type for e in REGISTRY.values() if e.by not in PARTICIPANTS} == {e.type for e in said}


def test_every_move_of_a_life_is_heard_by_somebody_or_ends_it() -> None:
    heard = {event for name in NAMES for event in service(name).handlers}
    for life in LIVES.values():
        unheard = [m.event.type for m in life.moves if m.event not in heard and m.target not in life.ends()]
        assert unheard == []


def test_the_contracts_slash_for_the_same_reasons_in_the_same_order() -> None:
    assert [reason.name for reason in OnChain] == [reason.name for reason in SlashReason]
