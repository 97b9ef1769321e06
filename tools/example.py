"""One example of every event, made from its JSON Schema alone: the content of the golden files."""

import re
from collections.abc import Callable
from typing import Any

from assay.schema.event import Envelope, Event
from assay.schema.values import PARTICIPANTS

TIME_MS = 1_790_000_000_123
# The one text for each pattern that schema strings have.
TEXTS = (
    "job",
    "job.unknown",
    "de",
    "replay",
    "a" * 64,
    "0x" + "b" * 130,
    "0x" + "c" * 64,
    "0x" + "d" * 40,
    *(f"{letter}{'a2b3c4d5' * 4}"[:33] for letter in "prv"),
    *(f"{letter}{'a2b3c4d5' * 4}"[:27] for letter in "jlfdxabcmswhk"),
    "f00d",
    "e" * 256,
)


def example_of(event: type[Event]) -> Event:
    """An instance with every field filled."""
    schema = event.model_json_schema()
    return event.model_validate(_fill(schema, schema.get("$defs", {})))


def envelope_of(event: type[Event]) -> Envelope[Event]:
    """The example as its speaker would say it."""
    example = example_of(event)
    source = str(event.by)
    if event.by in PARTICIPANTS:
        source = getattr(example, event.by.value)
    return Envelope.wrap(example, source, TIME_MS, cause="e" + "a2b3c4d5" * 3 + "a2")


def golden_of(event: type[Event]) -> dict[str, Any]:
    """Subject, headers and data on the wire."""
    envelope = envelope_of(event)
    return {"subject": envelope.subject, "headers": envelope.headers(), "data": envelope.data.decode()}


def _fill(schema: dict[str, Any], defs: dict[str, Any]) -> Any:
    if "$ref" in schema:
        return _fill(defs[schema["$ref"].rsplit("/", 1)[1]], defs)
    for choice in ("anyOf", "allOf"):
        if choice in schema:
            return _fill(schema[choice][0], defs)
    if "const" in schema:
        return schema["const"]
    if "enum" in schema:
        return schema["enum"][0]
    return FILLERS.get(schema.get("type", ""), _fill_any)(schema, defs)


def _fill_object(schema: dict[str, Any], defs: dict[str, Any]) -> dict[str, Any]:
    if "properties" in schema:
        return {name: _fill(part, defs) for name, part in schema["properties"].items()}
    return {"name": _fill(schema.get("additionalProperties") or {}, defs)}


def _fill_array(schema: dict[str, Any], defs: dict[str, Any]) -> list[Any]:
    return [_fill(schema["items"], defs)]


def _fill_string(schema: dict[str, Any], defs: dict[str, Any]) -> str:
    pattern = schema.get("pattern")
    least = schema.get("minLength", 0)
    return next(t for t in TEXTS if re.search(pattern, t) and len(t) >= least) if pattern else "a reason"


def _fill_integer(schema: dict[str, Any], defs: dict[str, Any]) -> int:
    return int(min(max(schema.get("minimum", 7), 7), schema.get("maximum", 7)))


def _fill_any(schema: dict[str, Any], defs: dict[str, Any]) -> Any:
    return 7


FILLERS: dict[str, Callable[[dict[str, Any], dict[str, Any]], Any]] = {
    "object": _fill_object,
    "array": _fill_array,
    "string": _fill_string,
    "integer": _fill_integer,
    "number": lambda schema, defs: 0.5,
    "boolean": lambda schema, defs: True,
}
