"""The shell in which every service lives: it consumes, commits, publishes, measures, drains; handlers only decide."""

from typing import TYPE_CHECKING, Final

from assay.schema.lazily import lazily

if TYPE_CHECKING:
    from assay.runtime.context import Context as Context
    from assay.runtime.context import Unit as Unit
    from assay.runtime.process import launch as launch
    from assay.runtime.service import Handler as Handler
    from assay.runtime.service import Ports as Ports
    from assay.runtime.service import Question as Question
    from assay.runtime.service import Service as Service
    from assay.runtime.service import Task as Task
    from assay.runtime.service import Timer as Timer
    from assay.runtime.serving import run as run
    from assay.runtime.settings import ProcessSettings as ProcessSettings
    from assay.runtime.settings import ServiceSettings as ServiceSettings

HOMES: Final = {
    "context": ("Context", "Unit"),
    "process": ("launch",),
    "service": ("Handler", "Ports", "Question", "Service", "Task", "Timer"),
    "serving": ("run",),
    "settings": ("ProcessSettings", "ServiceSettings"),
}
"""Loaded when first asked for: a provider's worker uses the shell without Postgres."""

__getattr__ = lazily(__name__, HOMES)
