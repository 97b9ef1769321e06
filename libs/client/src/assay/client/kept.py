"""Public events that somebody kept in a file: what `assay events --json` prints, a line each.

By them whoever has them makes again what settlement would answer, with no network there. Nothing has to be believed:
what is made of them is held against the chain.
"""

import json
from pathlib import Path
from typing import Any, Final, NamedTuple

from pydantic import ValidationError

from assay.client.errors import BadInput
from assay.schema.errors import Refused
from assay.schema.event import Event, event_class_of, first_problem

SPEC: Final = "spec"
"""What `assay events` leaves out. Events that cannot do without it say nothing of money that was charged."""


class Line(NamedTuple):
    """A line: the event's cursor, its id, and itself."""

    cursor: int
    id: str
    event: Event


def read_kept(file: Path) -> list[Event]:
    """The events of a file in the order of their cursors, each once. Raises BadInput.

    Files may be put one behind the other, in any order; what a newer network says that is not known here is left out.
    """
    if not file.is_file():
        raise BadInput(f"There is no file {file}.")
    found: dict[int, Line] = {}
    with file.open("rb") as lines:
        for number, text in enumerate(lines, 1):
            line = read_line(text, f"{file}, line {number}") if text.strip() else None
            if line is None:
                continue
            if found.setdefault(line.cursor, line).id != line.id:
                raise BadInput(
                    f"{file}, line {number}: cursor {line.cursor} is of two events: keep those of one network."
                )
    return [found[cursor].event for cursor in sorted(found)]


def read_line(text: bytes, where: str) -> Line | None:
    """The event of a line; None for one that is not known, or says nothing without a spec. Raises BadInput."""
    try:
        said: dict[str, Any] = json.loads(text)
        event_class = event_class_of(said["type"])
        if SPEC in event_class.model_fields:
            return None
        return Line(int(said["cursor"]), str(said["id"]), event_class.model_validate(said["data"]))
    except ValidationError as error:
        raise BadInput(f"{where}: {first_problem(error)}") from None
    except Refused:
        return None
    except (ValueError, KeyError, TypeError, ArithmeticError, RecursionError) as error:
        raise BadInput(
            f"{where} is no event as `assay events --json` prints it ({type(error).__name__}: {error}). "
            "If it was cut short, delete it and bring its event again: `--since` with the last cursor before it."
        ) from None
