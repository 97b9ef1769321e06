"""The shell in which every service lives: it consumes, commits, publishes, measures, drains; handlers only decide."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from assay.runtime.context import Context, Unit
    from assay.runtime.process import launch
    from assay.runtime.service import Handler, Ports, Question, Service, Task, Timer
    from assay.runtime.serving import run
    from assay.runtime.settings import ProcessSettings, ServiceSettings

_HOMES = {
    "Context": "context",
    "Handler": "service",
    "Ports": "service",
    "ProcessSettings": "settings",
    "Question": "service",
    "Service": "service",
    "ServiceSettings": "settings",
    "Task": "service",
    "Timer": "service",
    "Unit": "context",
    "launch": "process",
    "run": "serving",
}

__all__ = [
    "Context",
    "Handler",
    "Ports",
    "ProcessSettings",
    "Question",
    "Service",
    "ServiceSettings",
    "Task",
    "Timer",
    "Unit",
    "launch",
    "run",
]


def __getattr__(name: str) -> object:
    """The public name, imported when first asked for: a provider's worker uses the shell without Postgres."""
    if name not in _HOMES:
        raise AttributeError(name)
    return getattr(import_module(f"assay.runtime.{_HOMES[name]}"), name)
