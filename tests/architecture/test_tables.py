"""The tables agree: who says an event declares it, who hears it can, and the contracts name the same things."""

import ast
import re
from itertools import accumulate

import pytest
from tests.architecture.sources import ROOT, files, nodes
from tools.services import NAMES, service

from assay.chain.values import SlashReason as OnChain
from assay.schema import LIVES, REGISTRY, STREAMS
from assay.schema.errors import REFUSALS
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


@pytest.mark.parametrize("name", NAMES)
def test_the_page_of_a_service_names_what_it_says_and_what_it_hears(name: str) -> None:
    page = (ROOT / "services" / name / "README.md").read_text()
    # `lease.verified` `.rejected`: what stands without an entity is of the one before it.
    pairs = re.findall(r"`([a-z]*)\.([a-z]+)`", page)
    entities = accumulate((entity for entity, _ in pairs), lambda last, entity: entity or last)
    named = {f"{entity}.{event}" for entity, (_, event) in zip(entities, pairs, strict=True)}
    # The gateway hears all that is public or tells somebody: it says so in these words.
    heard = [] if "**Consumes** every event" in page else service(name).handlers
    assert {event.type for event in (*service(name).publishes, *heard)} <= named


def test_how_full_a_stream_is_somebody_measures_for_every_stream() -> None:
    assert {name for service_ in map(service, NAMES) for name in service_.written()} == {s.name for s in STREAMS}


def test_the_contracts_slash_for_the_same_reasons_in_the_same_order() -> None:
    assert [reason.name for reason in OnChain] == [reason.name for reason in SlashReason]


def test_every_refusal_has_a_code_of_the_catalogue() -> None:
    said = [(file.relative_to(ROOT), *code) for file in files() for code in refused_in(nodes(file))]
    assert len(said) > 100
    assert [place for place in said if place[-1] not in REFUSALS] == []


def refused_in(found: list[ast.AST]) -> list[tuple[int, str]]:
    """Line and code of each refusal that names its code where it is raised."""
    calls = [node for node in found if isinstance(node, ast.Call) and ast.unparse(node.func) == "Refused"]
    named = [(call.lineno, call.args[0]) for call in calls if call.args]
    return [
        (line, code.value) for line, code in named if isinstance(code, ast.Constant) and isinstance(code.value, str)
    ]
