"""What a person or a program gave the client that cannot be used, and what Python says of it in our words.

BadSettings
├── BadInput        a value, or what a file holds, does not fit
├── BadProfile      there is no profile, or it lacks what the command needs
├── BadPath         a path cannot be read or written
└── ExtraMissing    a package of an optional extra is not installed
Unreachable
└── GoneAway        a server was lost, or did not answer in time
"""

import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, requires

from pydantic import ValidationError

from assay.schema.errors import AssayError, BadSettings, Unreachable
from assay.schema.event import first_problem


class BadInput(BadSettings):
    """Something that was given does not fit."""

    code = "input.bad"
    advice = "Correct it and try again."


class BadProfile(BadSettings):
    """No profile, or one that lacks what is needed."""

    code = "profile.bad"
    advice = "Correct it, or name another profile with --profile DIR."


class BadPath(BadSettings):
    """A path cannot be read or written."""

    code = "path.bad"
    advice = "Name another path, or see to its permissions and the room on its disk."


class ExtraMissing(BadSettings):
    """A package that this needs is not installed."""

    code = "extra.missing"
    advice = "Install it and try again."


class GoneAway(Unreachable):
    """A connection broke, or there was no answer in time."""

    code = "server.away"
    advice = "Check that the server runs, and try again."


@contextmanager
def typed() -> Iterator[None]:
    """Within it, what Python says of a bad value, a bad path or a missing package is raised as a typed error."""
    try:
        yield
    except (ValueError, OverflowError, OSError, ModuleNotFoundError) as error:
        known = typed_of(error)
        if known is None:
            raise
        raise known from error


def typed_of(error: Exception) -> AssayError | None:
    """The typed form of an error; None of one that nobody but a programmer can mend."""
    match error:
        case ValidationError():
            return BadInput(first_problem(error))
        case UnicodeError():
            return BadInput(f"This is no text: {error}.")
        case OverflowError():
            return BadInput(f"A number is too large: {error}.")
        case BrokenPipeError():
            return None  # whoever reads what is printed has left, and the shell knows
        case TimeoutError() | ConnectionError():
            return GoneAway(f"{error or type(error).__name__}.")
        case OSError(strerror=str() as why):
            return BadPath(f"{error.filename}: {why}." if error.filename else f"{why}.")
        case ModuleNotFoundError(name=str() as name):
            return missing(name.partition(".")[0])
    return None


def missing(module: str) -> ExtraMissing | None:
    """What is to be installed for a module; None if no extra brings it."""
    try:
        needed = requires("assay") or []
    except PackageNotFoundError:
        return None
    wanted = module.lower().replace("_", "-")
    extras = [extra for package, extra in map(parts_of, needed) if package == wanted and extra]
    if not extras:
        return None
    # The extras of whole services have all that those of their parts have: the least that brings it is enough.
    sizes = Counter(extra for _, extra in map(parts_of, needed))
    least = min(extras, key=lambda extra: sizes[extra])
    return ExtraMissing(f"This needs {module}: pip install 'assay[{least}]'.")


def parts_of(requirement: str) -> tuple[str, str]:
    """The package that a requirement of a wheel names, and the extra that asks for it, if one does."""
    package, _, condition = requirement.partition(";")
    name = re.split(r"[^A-Za-z0-9._-]", package.strip(), maxsplit=1)[0]
    return name.lower().replace("_", "-"), condition.rpartition("extra ==")[2].strip(" '\")")
