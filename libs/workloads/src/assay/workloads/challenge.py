"""A challenge computed, and rows of it computed again: exact products of bytes on whatever multiplies fastest here.

float32 holds every sum exactly (`assay.proof.challenge`), so processors and GPUs come to the same bytes.
"""

import time
from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from assay.proof.challenge import WIDTH, first_row, mark, matrix
from assay.schema.challenge import ROUNDS_MAX, ROWS_MAX
from assay.workloads.machine import read_gpus

CPU_ROWS: Final = 512
"""Rows of a part on a processor: few enough that a round takes some hundredths of a second."""
GPU_ROWS: Final = 8_192
"""Rows of a part on a GPU, where fewer would leave it idle."""

Rows = NDArray[np.int8]


def rows_for(parts: int) -> int:
    """How many rows each of so many parts takes on this machine."""
    return min(GPU_ROWS if read_gpus() else CPU_ROWS, ROWS_MAX // parts)


def measure(seed: bytes, rows: int, window_ms: int, now: Callable[[], float] = time.monotonic) -> tuple[int, list[str]]:
    """How many rounds this machine did in the window, one at least, and the mark of each row after the last.

    The window opens with the first round: what a machine loads and makes before is outside it.
    """
    work = _on_gpu if read_gpus() else _on_cpu
    rounds, after = work(seed, first_rows(seed, range(rows)), Window(window_ms, now).is_open)
    return rounds, marks_of(after)


class Window:
    """The time in which rounds are done."""

    def __init__(self, window_ms: int, now: Callable[[], float]) -> None:
        self._window_ms, self._now, self._end = window_ms, now, 0.0

    def is_open(self, done: int) -> bool:
        """Whether another round is to be done after so many; before the first it opens."""
        if done == 0:
            self._end = self._now() + self._window_ms / 1_000
            return True
        return done < ROUNDS_MAX and self._now() < self._end


def recompute(seed: bytes, rows: Sequence[int], rounds: int) -> list[str]:
    """The marks that these rows have after so many rounds."""
    _, after = _on_cpu(seed, first_rows(seed, rows), lambda done: done < rounds)
    return marks_of(after)


def first_rows(seed: bytes, rows: Sequence[int]) -> Rows:
    """The rows before the first round."""
    return np.frombuffer(b"".join(first_row(seed, row) for row in rows), np.int8).reshape(len(rows), WIDTH)


def marks_of(rows: Rows) -> list[str]:
    """The mark of each row."""
    return [mark(row.tobytes()) for row in rows]


def _square(seed: bytes) -> NDArray[np.float32]:
    return np.frombuffer(matrix(seed), np.int8).reshape(WIDTH, WIDTH).astype(np.float32)


def _on_cpu(seed: bytes, rows: Rows, goes_on: Callable[[int], bool]) -> tuple[int, Rows]:
    square, done = _square(seed), 0
    while goes_on(done):
        rows = ((rows.astype(np.float32) @ square).astype(np.int32) >> 8).astype(np.int8)
        done += 1
    return done, rows


def _on_gpu(seed: bytes, rows: Rows, goes_on: Callable[[int], bool], device: str = "cuda") -> tuple[int, Rows]:
    """The same on a GPU; it was run on none, and with `cpu` for the device comes to the same bytes."""
    import torch

    square: Any = torch.from_numpy(_square(seed)).to(device)
    there: Any = torch.from_numpy(rows.copy()).to(device)

    def product(of: Any) -> Any:
        return ((of.float() @ square).int() >> 8).to(torch.int8)

    product(there)  # the first one has a GPU load its kernels
    if device != "cpu":
        torch.cuda.synchronize()
    done = 0
    while goes_on(done):
        there = product(there)
        done += 1
        if device != "cpu" and done % 16 == 0:
            torch.cuda.synchronize()  # a queue of rounds that are not done yet would outlast the window
    return done, there.cpu().numpy()
