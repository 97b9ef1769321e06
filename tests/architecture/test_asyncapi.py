"""docs/asyncapi.json describes every event and question, and is an AsyncAPI 3 document whose references all hold."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from faststream.specification.asyncapi.v3_0_0.schema import ApplicationSchema
from tools.asyncapi import document
from tools.pages import schema_files
from tools.services import NAMES, service

from assay.gateway.asks import QUESTIONS
from assay.schema import REGISTRY
from assay.schema.values import PARTICIPANTS


@pytest.fixture(scope="module")
def said() -> dict[str, Any]:
    """The document as a reader of the file has it."""
    found: dict[str, Any] = json.loads(json.dumps(document()))
    return found


def references(part: Any) -> Iterator[str]:
    """Every reference within a part of the document."""
    if isinstance(part, dict):
        yield from [part["$ref"]] if isinstance(part.get("$ref"), str) else []
        part = list(part.values())
    for inner in part if isinstance(part, list) else ():
        yield from references(inner)


def found_at(said: dict[str, Any], reference: str) -> Any:
    """What a reference within the document leads to; None if nothing."""
    place: Any = said
    for name in reference.removeprefix("#/").split("/"):
        place = place.get(name.replace("~1", "/").replace("~0", "~")) if isinstance(place, dict) else None
    return place


def test_its_form_is_that_of_asyncapi_3(said: dict[str, Any]) -> None:
    assert ApplicationSchema.model_validate(said).asyncapi == said["asyncapi"] == "3.0.0"
    for name, operation in said["operations"].items():
        assert operation["action"] in ("send", "receive"), name
    for name, channel in said["channels"].items():
        asked = re.findall(r"{(\w+)}", channel["address"] or "")
        assert asked == list(channel.get("parameters", {})), name


def test_every_reference_leads_somewhere(said: dict[str, Any]) -> None:
    every = set(references(said))
    here = {reference for reference in every if reference.startswith("#/")}
    assert [reference for reference in here if found_at(said, reference) is None] == []
    assert {f"docs/{reference}" for reference in every - here} <= set(schema_files())
    # What a reply may be is one of the messages of the channel that it comes on.
    for operation in said["operations"].values():
        for message in operation.get("reply", {}).get("messages", ()):
            assert message["$ref"].startswith(operation["reply"]["channel"]["$ref"] + "/messages/")


@pytest.mark.parametrize("name", REGISTRY)
def test_every_event_has_its_channel_and_its_audience(said: dict[str, Any], name: str) -> None:
    event, channel = REGISTRY[name], said["channels"][name]
    assert channel["address"] == f"assay.{name}.{{actor}}.{{id}}"
    assert channel["x-audience"]["public"] is event.public
    assert channel["x-audience"]["told"] == list(event.tells)
    assert (name in said["channels"]["feed"]["messages"]) == bool(event.tells)
    assert (f"say.{name}" in said["operations"]) == (event.by in PARTICIPANTS)
    assert said["operations"][name]["action"] == "send"


def test_every_question_is_there_with_its_reply(said: dict[str, Any]) -> None:
    expected = {f"ask.{question}" for question in (*QUESTIONS, "blob")}
    expected |= {f"ask.{owner}.{question}" for owner in NAMES for question in service(owner).questions}
    operations = {name: part for name, part in said["operations"].items() if name.startswith("ask.")}
    assert set(operations) >= expected
    for name, operation in operations.items():
        kinds = [message["$ref"].rpartition("/")[2] for message in operation["reply"]["messages"]]
        assert kinds == [f"answer.{name}", "refused"]
    assert said["channels"]["ask.job"]["messages"]["question"]["payload"]["required"] == ["job_id"]
