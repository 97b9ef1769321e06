"""Tasks that are kept: the loop itself holds none of those that it runs, and one that nobody holds may vanish."""

import asyncio
from collections.abc import Coroutine
from typing import Any


class Kept:
    """Tasks, each held until it has ended."""

    def __init__(self) -> None:
        self.tasks: set[asyncio.Task[None]] = set()

    def start(self, work: Coroutine[Any, Any, None]) -> "asyncio.Task[None]":
        """The task of this work, begun."""
        task = asyncio.create_task(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        return task
