"""What a command prints: tables and sentences for people, JSON for scripts, and typed errors with an exit code."""

import asyncio
import json
import sys
from collections.abc import Callable, Coroutine, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar, cast

import typer
from pydantic import BaseModel
from rich.console import Console, RenderableType
from rich.pretty import Pretty
from rich.protocol import is_renderable
from rich.table import Table
from rich.text import Text

from assay.client.clean import Cleaned, clean
from assay.client.errors import typed
from assay.schema.errors import EXIT_UNREACHABLE, AssayError, Fault, Retry

REFUSED = 1
STOPPED = 130
STOPPED_WORDS = "Stopped by Ctrl-C; what was sent before stands."
AWAY = "Check that the server runs and that its address is right, then try again."
T = TypeVar("T")


@dataclass
class Output:
    """How this run of the command prints; nothing that it is given is taken for markup or moves the cursor."""

    is_json: bool = False
    profile: Path | None = None
    console: Console = field(default_factory=Console)
    errors: Console = field(default_factory=lambda: Console(stderr=True))

    def show(self, value: object, draw: Callable[[], object] | None = None) -> None:
        """Print `value` as JSON, or what `draw` makes of it for people."""
        if self.is_json:
            sys.stdout.write(json.dumps(plain(value)) + "\n")
            sys.stdout.flush()
        else:
            self.draw(draw() if draw else value)

    def draw(self, drawn: object) -> None:
        """Print what is drawn for people."""
        self.console.print(Cleaned(cast(RenderableType, drawn) if is_renderable(drawn) else Pretty(drawn)))

    def say(self, text: str) -> None:
        """Print a sentence for people; nothing for scripts."""
        if not self.is_json:
            self.draw(text)

    def warn(self, text: str) -> None:
        """Print a sentence beside what is asked for."""
        self.errors.print(Cleaned(text), highlight=False)

    def fail(self, error: AssayError) -> int:
        """Print a typed error; the exit code that goes with it. Nothing tries again for a command that has ended."""
        advice = AWAY if isinstance(error, Retry) else error.advice
        if self.is_json:
            body = {"error": error.code, "detail": error.detail, "advice": advice}
            sys.stdout.write(json.dumps(body) + "\n")
        else:
            words = Text.assemble((error.code, "red"), " ", " ".join(filter(None, (error.detail, advice))))
            self.errors.print(Cleaned(words))
        if isinstance(error, Retry):
            return EXIT_UNREACHABLE
        return error.exit_code if isinstance(error, Fault) else REFUSED


@contextmanager
def told(output: Output) -> Iterator[None]:
    """Within it, a typed error or Ctrl-C ends the command with a sentence and an exit code."""
    try:
        with typed():
            yield
    except AssayError as error:
        raise typer.Exit(output.fail(error)) from None
    except KeyboardInterrupt:
        output.warn(STOPPED_WORDS)
        raise typer.Exit(STOPPED) from None


def run(
    context: typer.Context,
    work: Callable[[Output], Coroutine[Any, Any, T]],
    loop_factory: Callable[[], asyncio.AbstractEventLoop] | None = None,
) -> T:
    """What `work` returns; a typed error or Ctrl-C ends the command with a sentence and an exit code."""
    output: Output = context.obj
    with told(output), asyncio.Runner(loop_factory=loop_factory) as runner:
        result = runner.run(work(output))
    return result


def plain(value: object) -> object:
    """A value as JSON has it."""
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return str(value) if isinstance(value, Path) else value


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> Table:
    """A table for people."""
    drawn = Table(title=Text(clean(title), "table.title"), title_justify="left", header_style="bold")
    for column in columns:
        # What does not fit goes on in the next line: of an id that is cut short nobody can ask.
        drawn.add_column(column, overflow="fold")
    for row in rows:
        drawn.add_row(*(Text(clean(str(cell))) for cell in row))
    return drawn


def stable(amount: int) -> str:
    """An amount of the stable token (6 decimals) as people write it."""
    return f"{amount // 10**6}.{amount % 10**6:06d}"


def native(amount: int) -> str:
    """An amount of the native token (18 decimals) as people write it, cut to 4 decimals."""
    return f"{amount // 10**18}.{amount % 10**18 // 10**14:04d}"


def moment(time_s: int) -> str:
    """A second since 1970 as day and time (UTC)."""
    return datetime.fromtimestamp(time_s, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def clock(time_ms: int) -> str:
    """A moment as hours, minutes, seconds and milliseconds (UTC)."""
    seconds, millis = divmod(time_ms, 1000)
    return f"{seconds // 3600 % 24:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}.{millis:03d}"
