"""docs/asyncapi.json: all that an Assay network sends and receives, as an AsyncAPI 3 document.

Seen from the network: it *sends* every event, on its own subject and, to those whom it tells, in their feeds; it
*receives* what participants say and what is asked, and replies to each. Participants' subjects are written as in their
own account, where the gateway adds the account's token.
"""

import inspect
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final

from pydantic import BaseModel
from tools.services import NAMES, consumers_of, service

from assay.bus.blob_door import OFFSET_HEADER, SEAL_HEADER, TOTAL_HEADER
from assay.bus.feed import SEQ_HEADER
from assay.bus.refusal import HEADER as ERROR_HEADER
from assay.gateway import asks
from assay.gateway.beats import Beat
from assay.runtime.questions import SHELL_QUESTIONS, subject_of
from assay.schema import REGISTRY
from assay.schema.errors import Refusal
from assay.schema.event import Event
from assay.schema.streams import stream_of
from assay.schema.values import PARTICIPANTS

JSON: Final = "application/json"
BYTES: Final = "application/octet-stream"
ANSWERS: Final = "answers"
OBJECT: Final = {"type": "object"}
CE_HEADERS: Final = ("ce-specversion", "ce-id", "ce-type", "ce-source", "ce-subject", "ce-time")
CE_SOMETIMES: Final = ("ce-cause", "ce-signature", "traceparent")

Doc = dict[str, Any]
Parts = tuple[Doc, Doc]
"""Channels and operations, by name."""


def document() -> Doc:
    """The whole document."""
    parts = (_events(), _feed(), _claims(), _door(), _questions(), _service_questions())
    answers = {"refused": _refused(), "taken": _message("taken", "It is on disk.", {"type": "string", "maxLength": 0})}
    asked = {name for _, operations in parts for name in operations if name.startswith("ask.")}
    answers |= {f"answer.{name}": _message(f"answer.{name}", f"The answer to {name}.", OBJECT) for name in asked}
    inbox = {"address": None, "description": "The inbox that comes with a request: NATS makes one for each."}
    whole: Doc = {
        "asyncapi": "3.0.0",
        "info": {"title": "Assay", "version": "1", "description": " ".join((__doc__ or "").split())},
        "defaultContentType": JSON,
        "channels": _joined(channels for channels, _ in parts) | {ANSWERS: inbox | {"messages": _sorted(answers)}},
        "operations": _joined(operations for _, operations in parts),
        "components": {
            "messages": {name: _event_message(name, event) for name, event in sorted(REGISTRY.items())},
            "schemas": {"CloudEvent": _headers(CE_HEADERS, CE_SOMETIMES)},
        },
    }
    whole["components"]["schemas"] |= dict(_taken_defs(whole))
    return whole


def audience_of(event: type[Event]) -> Doc:
    """Who gets an event: every observer or not, the participants whose feed it is told in, and the services."""
    return {"public": event.public, "told": list(event.tells), "services": consumers_of(event)}


def in_words(event: type[Event]) -> str:
    """The audience as a sentence."""
    told = f", told to its {' and its '.join(event.tells)}" if event.tells else ""
    heard = f", heard by {', '.join(consumers_of(event))}" if consumers_of(event) else ""
    is_public = "public" if event.public else "not public"
    return f"Said by {event.by}; {is_public}{told}{heard}. Stream {stream_of(event).name}."


def _events() -> Parts:
    channels, operations = {}, {}
    for name, event in sorted(REGISTRY.items()):
        channels[name] = {
            "address": event.subjects("{actor}", "{id}"),
            "description": in_words(event),
            "parameters": {"actor": {"description": f"Who says it: {event.by}."}, "id": {"description": event.key}},
            "messages": {name: _ref("components", "messages", name)},
            "x-audience": audience_of(event),
        }
        operations[name] = {"action": "send", "channel": _ref("channels", name), "summary": in_words(event)}
    return channels, operations


def _feed() -> Parts:
    told = {name: event for name, event in sorted(REGISTRY.items()) if event.tells}
    channel = {
        "address": "cmd.feed",
        "description": f"A participant's own feed, live; the header {SEQ_HEADER} counts it without gaps.",
        "messages": {name: _ref("components", "messages", name) for name in told},
    }
    return {"feed": channel}, {"feed": {"action": "send", "channel": _ref("channels", "feed")}}


def _claims() -> Parts:
    channels, operations = {}, {}
    for name, event in sorted(REGISTRY.items()):
        if event.by in PARTICIPANTS:
            channels[f"say.{name}"] = {
                "address": f"ingest.{name}.{{id}}",
                "description": f"How a {event.by} says it, signed; it is then sent on as `{name}`.",
                "parameters": {"id": {"description": event.key}},
                "messages": {name: _ref("components", "messages", name)},
            }
            operations[f"say.{name}"] = _received(f"say.{name}", f"A {event.by} says {name}.", "taken")
    return channels, operations


def _door() -> Parts:
    beat = _message("beat", "A provider and its leases are alive.", _schema(Beat))
    part = _message("part", "One part of a blob.", {"type": "string", "format": "binary"}, BYTES)
    part |= {"headers": _headers((OFFSET_HEADER, TOTAL_HEADER), (SEAL_HEADER,))}
    whose = {"digest": {"description": "The BLAKE3 digest of the whole."}}
    question = _message("ask.blob", "Which blob, and which part or slice of it.", OBJECT)
    channels = {
        "say.beat": {"address": "ingest.beat", "messages": {"beat": beat}},
        "say.blob": {"address": "ingest.blob.{digest}", "parameters": whose, "messages": {"part": part}},
        "ask.blob": {"address": "ask.blob", "messages": {"question": question}},
    }
    operations = {
        "say.beat": {"action": "receive", "channel": _ref("channels", "say.beat"), "summary": "It is not answered."},
        "say.blob": _received("say.blob", "A participant uploads a part of a blob.", "taken"),
        "ask.blob": _received(
            "ask.blob", "A participant asks for a part, a slice with its proof, or what is missing.", "answer.ask.blob"
        ),
    }
    return channels, operations


def _questions() -> Parts:
    channels, operations = {}, {}
    for question, (answer, roles) in sorted(asks.QUESTIONS.items()):
        name, summary = f"ask.{question}", _first_line(answer)
        channels[name] = _asked(name, summary, _body_of(answer)) | {"x-audience": {"asked_by": sorted(roles)}}
        operations[name] = _received(name, f"{summary} Asked by {', '.join(sorted(roles))}.", f"answer.{name}")
    return channels, operations


def _service_questions() -> Parts:
    channels, operations = {}, {}
    for owner in NAMES:
        for question, answer in sorted({**SHELL_QUESTIONS, **service(owner).questions}.items()):
            name, summary = f"ask.{owner}.{question}", _first_line(answer)
            channels[name] = _asked(subject_of(owner, question), summary, OBJECT) | {
                "x-audience": {"asked_by": ["operator", *NAMES]}
            }
            operations[name] = _received(name, f"{summary} Asked within the core account.", f"answer.{name}")
    return channels, operations


def _asked(address: str, summary: str, body: Doc) -> Doc:
    return {"address": address, "description": summary, "messages": {"question": _message(address, summary, body)}}


def _received(name: str, summary: str, answer: str) -> Doc:
    """A request and its reply: the answer, or a refusal."""
    replies = [_ref("channels", ANSWERS, "messages", kind) for kind in (answer, "refused")]
    reply = {"channel": _ref("channels", ANSWERS), "messages": replies}
    return {"action": "receive", "channel": _ref("channels", name), "summary": summary, "reply": reply}


def _event_message(name: str, event: type[Event]) -> Doc:
    when = (inspect.getdoc(event) or "").split("\n\n")[0].replace("\n", " ")
    message = _message(f"assay.{name}", when, {"$ref": f"schemas/{name}.json"})
    return message | {"headers": _ref("components", "schemas", "CloudEvent")}


def _refused() -> Doc:
    message = _message("refused", "A typed refusal: a code, and what to do next.", _schema(Refusal))
    return message | {"headers": _headers((ERROR_HEADER,), ())}


def _message(name: str, summary: str, payload: Mapping[str, Any], content_type: str = JSON) -> Doc:
    return {"name": name, "summary": summary, "contentType": content_type, "payload": dict(payload)}


def _headers(always: Iterable[str], sometimes: Iterable[str]) -> Doc:
    names = [*always, *sometimes]
    return {"type": "object", "required": [*always], "properties": {name: {"type": "string"} for name in names}}


def _body_of(question: Callable[..., object]) -> Doc:
    """The schema of what a question is asked with: the model that it reads, or the question it hands its body to."""
    source = inspect.getsource(question)
    if model := re.search(r"\b(\w+Body)\.model_validate\(body\)", source):
        return _schema(getattr(asks, model[1]))
    onward = re.search(r"self\.(\w+)\(body\)", source)
    return _body_of(asks.QUESTIONS[onward[1]][0]) if onward else OBJECT


def _schema(model: type[BaseModel]) -> Doc:
    return model.model_json_schema(ref_template="#/components/schemas/{model}")


def _taken_defs(part: Any) -> Iterator[tuple[str, Any]]:
    """Takes the definitions out of the schemas within a part of the document."""
    if isinstance(part, dict):
        yield from part.pop("$defs", {}).items()
        part = list(part.values())
    for inner in part if isinstance(part, list) else ():
        yield from _taken_defs(inner)


def _first_line(something: object) -> str:
    return (inspect.getdoc(something) or "").split("\n")[0]


def _ref(*path: str) -> dict[str, str]:
    return {"$ref": "#/" + "/".join(part.replace("~", "~0").replace("/", "~1") for part in path)}


def _joined(parts: Iterable[Doc]) -> Doc:
    return {name: part for some in parts for name, part in some.items()}


def _sorted(named: Mapping[str, Any]) -> Doc:
    return dict(sorted(named.items()))
