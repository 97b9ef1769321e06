"""The bar of a run's rounds, on which what else is shown is laid."""

from types import TracebackType
from typing import Self

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from assay.client.output import Output


class RoundsBar:
    """A bar while a run is kept; none for scripts."""

    def __init__(self, out: Output) -> None:
        self._out = out
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        self._progress = Progress(*columns, console=out.console, disable=out.is_json, transient=True)
        self._rounds = self._progress.add_task("rounds", total=None)

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._progress.stop()

    def at(self, rounds: int, total: int | None = None) -> None:
        """Show that so many rounds are made."""
        self._progress.update(self._rounds, completed=rounds, total=total)
