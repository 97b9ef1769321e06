"""What a command prints: tables and sentences for people, JSON for scripts, and typed errors with an exit code."""

import asyncio
import json
import sys
from collections.abc import Callable, Coroutine, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import typer
from pydantic import BaseModel
from rich.console import Console
from rich.table import Table

from assay.schema.errors import AssayError, Fault

REFUSED = 1
STOPPED = 130
T = TypeVar("T")


@dataclass
class Output:
    """How this run of the command prints."""

    is_json: bool = False
    profile: Path | None = None
    console: Console = field(default_factory=Console)
    errors: Console = field(default_factory=lambda: Console(stderr=True))

    def show(self, value: object, draw: Callable[[], object] | None = None) -> None:
        """Print `value` as JSON, or what `draw` makes of it for people."""
        if self.is_json:
            sys.stdout.write(json.dumps(plain(value)) + "\n")
            sys.stdout.flush()
        elif draw is not None:
            self.console.print(draw())
        else:
            self.console.print(value)

    def say(self, text: str) -> None:
        """Print a sentence for people; nothing for scripts."""
        if not self.is_json:
            self.console.print(text)

    def fail(self, error: AssayError) -> int:
        """Print a typed error; the exit code that goes with it."""
        if self.is_json:
            body = {"error": error.code, "detail": error.detail, "advice": error.advice}
            sys.stdout.write(json.dumps(body) + "\n")
        else:
            self.errors.print(f"[red]{error.code}[/red] {error.detail} {error.advice}", highlight=False)
        return error.exit_code if isinstance(error, Fault) else REFUSED


def run(context: typer.Context, work: Callable[[Output], Coroutine[Any, Any, T]]) -> T:
    """What `work` returns; a typed error or Ctrl-C ends the command with a sentence and an exit code."""
    output: Output = context.obj
    try:
        return asyncio.run(work(output))
    except AssayError as error:
        raise typer.Exit(output.fail(error)) from None
    except KeyboardInterrupt:
        raise typer.Exit(STOPPED) from None


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
    drawn = Table(*columns, title=title, title_justify="left", header_style="bold")
    for row in rows:
        drawn.add_row(*map(str, row))
    return drawn


def stable(amount: int) -> str:
    """An amount of the stable token (6 decimals) as people write it."""
    return f"{amount // 10**6}.{amount % 10**6:06d}"


def native(amount: int) -> str:
    """An amount of the native token (18 decimals) as people write it, cut to 4 decimals."""
    return f"{amount // 10**18}.{amount % 10**18 // 10**14:04d}"


def clock(time_ms: int) -> str:
    """A moment as hours, minutes, seconds and milliseconds (UTC)."""
    seconds, millis = divmod(time_ms, 1000)
    return f"{seconds // 3600 % 24:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}.{millis:03d}"
