"""A run's journal: a file to which lines of JSON are added, each on disk before what it says is done.

A line that a crash cut off in the middle says nothing; it is the last one, and is cut away before the next is added.
"""

import fcntl
import os
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Generic, Self, TypeVar

from pydantic import BaseModel, TypeAdapter, ValidationError

from assay.client.rounds.facts import FACT
from assay.schema.errors import BadSettings

FILE: Final = "rounds.jsonl"


F = TypeVar("F", bound=BaseModel)


class Journal(Generic[F]):
    """The journal in a folder, held by one process at a time; its lines are facts of one kind of run."""

    def __init__(self, folder: Path, facts: TypeAdapter[Any] = FACT) -> None:
        self._facts = facts
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / FILE
        self._file = self.path.open("a+b")
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self._file.close()
            raise BadSettings(f"Another process keeps the rounds in {folder}: wait for it, or stop it.") from None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._file.close()

    def read(self) -> list[F]:
        """What was written down. Raises BadSettings for a line that is none."""
        self._file.seek(0)
        *lines, rest = self._file.read().split(b"\n")
        if rest:
            self._file.truncate(sum(len(line) + 1 for line in lines))
        try:
            return [self._facts.validate_json(line) for line in lines]
        except ValidationError as error:
            raise BadSettings(f"{self.path} is not a journal of rounds: {error.errors()[0]['msg']}.") from None

    def write(self, fact: F) -> None:
        """Add a fact; it is on disk when this returns."""
        self._file.write(fact.model_dump_json(exclude_none=True).encode() + b"\n")
        self._file.flush()
        os.fsync(self._file.fileno())
