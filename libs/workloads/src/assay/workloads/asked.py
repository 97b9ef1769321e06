"""The line of a child's task to those who ask it, over a queue that the child's reader fills."""

import queue
from collections.abc import Callable
from contextlib import suppress

from assay.schema.served import Request, Told, Turned
from assay.workloads.task import Answered, Said

Say = Callable[[Said], None]
Asks = queue.SimpleQueue[Request | int | None]


class AskedLine:
    """The line of a task to those who ask, over the queue that the child's reader fills; None wakes whoever waits.

    A number in it is how many tokens may be said by then.
    """

    def __init__(self, asked: Asks, say: Say, is_stopped: Callable[[], bool]) -> None:
        self._asked, self._say, self._is_stopped = asked, say, is_stopped
        self.allowed = 0

    @property
    def is_closed(self) -> bool:
        """Whether the task is to end."""
        return self._is_stopped()

    def hear(self, wait: bool) -> list[Request]:
        """Return what was asked since; if told to wait, once anything has come: a request, or leave for more tokens."""
        heard = [self._asked.get()] if wait and not self.is_closed else []
        with suppress(queue.Empty):
            while True:
                heard.append(self._asked.get_nowait())
        self.allowed = max([self.allowed, *(leave for leave in heard if isinstance(leave, int))])
        return [request for request in heard if isinstance(request, Request)]

    def say(self, word: Told | Turned) -> None:
        """Tell the runner what became of requests."""
        self._say(Answered(word=word))
