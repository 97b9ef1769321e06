"""Logs: one JSON object on each line, with the ids of job and lease as fields."""

import json
import logging
import sys
import time
from typing import Any, Final

from assay.schema import Envelope

IDS: Final = ("job", "lease", "offer", "verdict")
_PLAIN: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class JsonLines(logging.Formatter):
    """Writes a record with all its extra fields as one line."""

    def __init__(self, service: str) -> None:
        super().__init__()
        self._service = service

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        line: dict[str, Any] = {
            "time": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created)) + f".{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "service": self._service,
            "at": record.name,
            "say": record.getMessage(),
        }
        line |= {name: value for name, value in vars(record).items() if name not in _PLAIN}
        if record.exc_info:
            line["trace"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


def start_logging(service: str, level: str) -> None:
    """All logs of the process go to stderr as JSON from now on; libraries are heard from WARNING on."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines(service))
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
    logging.getLogger("assay").setLevel(level)


def fields_of(said: Envelope[Any]) -> dict[str, Any]:
    """The fields by which a line about an event is found again."""
    ids = {name: value for name in IDS if (value := getattr(said.event, f"{name}_id", None))}
    return {"event": said.event.type, "event_id": said.id, **ids}
