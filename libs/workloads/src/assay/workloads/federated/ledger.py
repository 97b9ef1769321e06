"""What was given away of a data set: each answer once, and all privacy that was spent. On disk before any of it leaves.

A job that is done again gives the same answer, so it is noted once; another answer to the same question is refused, for
two of them together would unmask a member. Several processes of a worker share the ledger under a lock.
"""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple

from assay.workloads.federated.accountant import Spent, epsilon_of
from assay.workloads.federated.errors import AnsweredBefore, BudgetSpent

FILE: Final = "given.jsonl"
Question = tuple[str | int, ...]


class Line(NamedTuple):
    """One answer, and what of whose privacy it spent."""

    question: list[str | int]
    answer: str
    unit: str | None = None
    spent: list[float] | None = None


class Ledger:
    """The ledger in a folder."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE

    def answer(self, question: Question, answer: str) -> None:
        """Note an answer. Raises AnsweredBefore if there was another one to the same question."""
        with self._locked() as file:
            note(file, Line(list(question), answer))

    def spend(self, question: Question, answer: str, spent: Spent, terms: tuple[str, float, float | None]) -> float:
        """Return the ε that this answer and all before it come to; `terms` are whose privacy, δ, and the most allowed.

        Raises AnsweredBefore, BudgetSpent.
        """
        unit, delta, most = terms
        with self._locked() as file:
            lines = [line for line in read(file) if line.question != list(question)]
            before = [spent_in(line.spent) for line in lines if line.spent and line.unit == unit]
            epsilon = epsilon_of([*before, spent], delta)
            if most is not None and epsilon > most:
                raise BudgetSpent(f"All jobs together would spend ε = {epsilon:.3f}, of {most:g} at δ = {delta:g}.")
            note(file, Line(list(question), answer, unit, list(spent)))
            return epsilon

    @contextmanager
    def _locked(self) -> Iterator[BinaryIO]:
        with self._path.open("a+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield file


def spent_in(said: list[float]) -> Spent:
    """Return the mechanism that a line names."""
    rate, noise, steps = said
    return Spent(rate, noise, int(steps))


def note(file: BinaryIO, line: Line) -> None:
    """Add a line, unless it is there. Raises AnsweredBefore."""
    for earlier in read(file):
        if earlier.question == line.question:
            if earlier.answer != line.answer:
                raise AnsweredBefore(f"{line.question[0]} was answered otherwise before.")
            return
    file.write(json.dumps(line._asdict()).encode() + b"\n")
    file.flush()
    os.fsync(file.fileno())


def read(file: BinaryIO) -> list[Line]:
    """Return the lines; one that a crash has cut off in the middle is cut away, for its answer has not left."""
    file.seek(0)
    *lines, rest = file.read().split(b"\n")
    if rest:
        file.truncate(sum(len(line) + 1 for line in lines))
    return [Line(**json.loads(line)) for line in lines]
