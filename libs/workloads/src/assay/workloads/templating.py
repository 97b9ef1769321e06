"""Jinja as templates of strangers get it: what one writes hangs on its messages alone.

A template that prints where an object lies in memory, or draws by chance, reads differently on every machine, and
honest ones would be taken for cheats. So nothing is made text but texts, numbers, truth values, and lists and mappings
of these.
"""

from collections.abc import Callable, Iterator, Mapping
from functools import wraps
from typing import Any, Final

from jinja2 import TemplateError, Undefined, nodes
from jinja2.environment import Environment
from jinja2.nodes import EvalContext
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment

PLAIN: Final = (str, int, float, range, Undefined, type(None))
SURROUNDINGS: Final = (Context, Environment, EvalContext)
"""What a filter is handed besides values."""
TOLD: Final = "told"


def told(value: Any) -> Any:
    """Return a value that has one text everywhere, what iterates as a list. Raises TemplateError for any other."""
    if isinstance(value, PLAIN):
        return value
    if isinstance(value, tuple):
        return tuple(map(told, value))
    if isinstance(value, Iterator | list):
        return [told(each) for each in value]
    if isinstance(value, Mapping):
        return {told(key): told(each) for key, each in value.items()}
    raise TemplateError(f"{type(value).__name__} has no text that is the same everywhere")


def guarded(use: Callable[..., Any]) -> Callable[..., Any]:
    """Return a filter that is handed, and returns, such values alone."""

    @wraps(use)
    def guard(*values: Any, **named: Any) -> Any:
        given = [each if isinstance(each, SURROUNDINGS) else told(each) for each in values]
        return told(use(*given, **{name: told(each) for name, each in named.items()}))

    return guard


class Repeatable(ImmutableSandboxedEnvironment):
    """The environment: every way from a value to a text leads through `told`."""

    intercepted_binops = frozenset(["%"])

    def __init__(self, **options: Any) -> None:
        super().__init__(**options, finalize=told)
        del self.filters["random"], self.globals["lipsum"]
        self.filters = {name: guarded(each) for name, each in self.filters.items()} | {TOLD: told}

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        tree = super()._parse(source, name, filename)
        for joined in tree.find_all(nodes.Concat):
            joined.nodes = [nodes.Filter(each, TOLD, [], [], None, None) for each in joined.nodes]
        tree.set_environment(self)
        return tree

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """Return what `%` makes of two values."""
        return super().call_binop(context, operator, told(left), told(right))

    def call(__self, __context: Context, __obj: Any, *args: Any, **kwargs: Any) -> Any:
        """Call something of the template's; a text's own methods are handed plain values."""
        if isinstance(getattr(__obj, "__self__", None), str):
            args, kwargs = tuple(map(told, args)), {name: told(each) for name, each in kwargs.items()}
        return super().call(__context, __obj, *args, **kwargs)

    def wrap_str_format(self, value: Any) -> Callable[..., str] | None:
        """Return what stands for a text's `format`, or nothing if the value is something else."""
        wrapped = super().wrap_str_format(value)
        return guarded(wrapped) if wrapped else None
