"""How far a child may go: a segment is closed only once the one before it is committed, so a crash loses one at most.

The commitment of a segment goes its way while the next one is computed; only who is faster than that waits.
"""

import sys
import threading


class Pace:
    """How many segments of the job are committed, told by the thread that reads, waited for by the one that works."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._committed = sys.maxsize
        self._is_stopped = False

    @property
    def is_stopped(self) -> bool:
        """Whether the task is to end after the segment in hand."""
        return self._is_stopped

    def begin(self, committed: int) -> None:
        """A task is read, so many segments before whose first are committed."""
        with self._changed:
            self._committed = committed

    def tell(self, committed: int) -> None:
        """So many segments are committed by now."""
        with self._changed:
            self._committed = max(self._committed, committed)
            self._changed.notify_all()

    def stop(self, is_stopped: bool = True) -> None:
        """Have nobody wait any more; or, if told so, have the next task wait again."""
        with self._changed:
            self._is_stopped = is_stopped
            self._changed.notify_all()

    def wait(self, committed: int) -> None:
        """Return once so many segments are committed, or the task is to end."""
        with self._changed:
            self._changed.wait_for(lambda: self._is_stopped or self._committed >= committed)
