"""The SDK and the `assay` command: submit work, watch it, fetch its result, check its receipt."""

from importlib import import_module
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from assay.client.profile import Profile as Profile
    from assay.client.sdk import Assay as Assay
    from assay.client.sdk import JobView as JobView

HOMES: Final = {"Profile": "profile", "Assay": "sdk", "JobView": "sdk"}


def __getattr__(name: str) -> object:
    """A public name, loaded when first asked for: the command begins by listening to Ctrl-C."""
    if name not in HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{HOMES[name]}"), name)
