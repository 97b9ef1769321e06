"""The services as their own tables describe them."""

from importlib import import_module
from typing import Any

from assay.schema.event import Event

NAMES = ("discovery", "matching", "verification", "settlement", "gateway")


def service(name: str) -> Any:
    """A service's table of handlers, publications, timers and tasks."""
    return import_module(f"assay.{name}.main").SERVICE


def consumers_of(event: type[Event]) -> list[str]:
    """The services that handle an event, in order of name."""
    return sorted(name for name in NAMES if event in service(name).handlers)


def speakers_of(event: type[Event]) -> str:
    """Who says an event."""
    return str(event.by)
