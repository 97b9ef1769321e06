"""How far a long run has come: a line that is written over in a terminal, else one now and then."""

import sys
import time
from datetime import timedelta
from typing import Final

WIDTH: Final = 30
EVERY_S: Final = 1.0
EVERY_S_IN_A_FILE: Final = 60.0


class Progress:
    """The line of a run of `most` jobs."""

    def __init__(self, most: int) -> None:
        self._most, self._begun_s, self._said_s = most, time.perf_counter(), 0.0

    def show(self, done: int, memory_mb: float) -> None:
        """Write where the run is, if it is time to."""
        now_s, is_seen = time.perf_counter(), sys.stderr.isatty()
        if now_s - self._said_s >= (EVERY_S if is_seen else EVERY_S_IN_A_FILE) and done:
            self._said_s = now_s
            print(
                line(done, self._most, now_s - self._begun_s, memory_mb), file=sys.stderr, end="\r" if is_seen else "\n"
            )


def line(done: int, most: int, seconds: float, memory_mb: float) -> str:
    """Jobs done of all, how many a second, what the service holds, and how long it will take yet."""
    bar, rate = "#" * (WIDTH * done // most), done / seconds
    left = timedelta(seconds=round((most - done) / rate))
    return f"[{bar:<{WIDTH}}] {done:,} of {most:,} jobs, {rate:.0f} a second, {memory_mb:.1f} MB, {left} left   "
