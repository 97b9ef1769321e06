"""Modules that are loaded on first use, so that a command pays only for what it uses."""

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from types import ModuleType
from typing import cast


def lazily(package: str, homes: Mapping[str, tuple[str, ...]]) -> Callable[[str], object]:
    """The `__getattr__` of a package (PEP 562): `homes` says which module of it holds which of its public names."""
    home_of = {name: f"{package}.{module}" for module, names in homes.items() for name in names}

    def load(name: str) -> object:
        if name not in home_of:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        value = getattr(import_module(home_of[name]), name)
        setattr(sys.modules[package], name, value)
        return value

    return load


@contextmanager
def without(name: str) -> Iterator[None]:
    """Meanwhile, whoever imports a module for what is optional goes without it, unless it is loaded already."""
    is_loaded = sys.modules.setdefault(name, cast(ModuleType, None)) is not None
    try:
        yield
    finally:
        if not is_loaded:
            del sys.modules[name]


@contextmanager
def later(*names: str) -> Iterator[None]:
    """Meanwhile, whoever imports from these modules gets stand-ins, which load the module when they are called.

    Modules that are loaded already stay what they are.
    """
    made = {name: StandIn(name) for name in names if name not in sys.modules}
    sys.modules.update(made)
    try:
        yield
    finally:
        for name in made:
            del sys.modules[name]


class StandIn(ModuleType):
    """A module of which nothing is known but its name."""

    def __getattr__(self, name: str) -> type:
        if name.startswith("__"):
            raise AttributeError(f"module {self.__name__!r} has not been loaded")

        def call(_: type, *args: object, **kwargs: object) -> object:
            return getattr(import_module(self.__name__), name)(*args, **kwargs)

        # A class, since it may stand in annotations.
        return type(name, (), {"__new__": call})
