"""Many processes as one: started in the order of their needs, watched, restarted, and stopped the other way round.

async with Supervisor() as supervisor:
    await supervisor.start({"gateway": Task(process), "matching": Task(process, needs=("gateway",), restart=True)})
    await until_stopped()
"""

import asyncio
import logging
import signal
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from graphlib import TopologicalSorter
from typing import Literal, Self

from assay.devnet.errors import NotReady
from assay.devnet.process import Process

log = logging.getLogger(__name__)

State = Literal["starting", "running", "ended", "backing off", "stopped"]
BACKOFF_S_MIN, BACKOFF_S_MAX = 0.25, 15.0
# After so long a crash counts as the first one again.
SETTLED_S = 60.0
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)


@dataclass
class Task:
    """A process under supervision: what must be ready before it, and whether it is started again after a crash."""

    process: Process
    needs: tuple[str, ...] = ()
    restart: bool = False
    state: State = field(default="stopped", init=False)
    restarts: int = field(default=0, init=False)


@dataclass(frozen=True)
class Status:
    """What can be said of one process now."""

    state: State
    pid: int | None
    restarts: int
    exit_code: int | None


class Supervisor:
    """Runs processes by name. On leaving its context, nothing of them is left."""

    def __init__(self) -> None:
        self.tasks: dict[str, Task] = {}
        self.watchers: dict[str, asyncio.Task[None]] = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def start(self, tasks: Mapping[str, Task]) -> None:
        """Start them, side by side where none needs the other; all are ready on return. Raises NotReady."""
        self.tasks |= tasks
        for level in levels(tasks):
            started = await asyncio.gather(*map(self.start_one, level), return_exceptions=True)
            for fault in filter(None, started):
                raise fault

    async def start_one(self, name: str) -> None:
        """Start a known process, also one that has been stopped."""
        task = self.tasks[name]
        task.state = "starting"
        try:
            await task.process.start()
        except BaseException:
            task.state = "ended"
            raise
        task.state = "running"
        self.watchers[name] = asyncio.create_task(self.watch(name), name=f"watch {name}")

    async def watch(self, name: str) -> None:
        """See a process end, and start it again as long as that is wanted."""
        task, loop, backoff_s = self.tasks[name], asyncio.get_running_loop(), BACKOFF_S_MIN
        while True:
            since = loop.time()
            code = await task.process.wait()
            log.warning("%s ended with %d", name, code)
            if not task.restart or code == 0:
                task.state = "ended"
                return
            backoff_s = BACKOFF_S_MIN if loop.time() - since > SETTLED_S else min(backoff_s * 2, BACKOFF_S_MAX)
            await self.start_again(task, backoff_s)

    async def start_again(self, task: Task, backoff_s: float) -> None:
        """Start a crashed process after a pause; if it does not become ready, its watcher sees that as the next end."""
        task.state = "backing off"
        await asyncio.sleep(backoff_s)
        task.restarts += 1
        task.state = "starting"
        try:
            await task.process.start()
            task.state = "running"
        except NotReady as error:
            log.warning("%s", error)

    async def stop_one(self, name: str) -> int | None:
        """Stop one process for good; its exit code."""
        watcher = self.watchers.pop(name, None)
        if watcher:
            watcher.cancel()
            with suppress(asyncio.CancelledError):
                await watcher
        code = await self.tasks[name].process.stop()
        self.tasks[name].state = "stopped"
        return code

    async def stop(self) -> None:
        """Stop all of them, whoever needs others first."""
        for level in reversed(levels(self.tasks)):
            await asyncio.gather(*map(self.stop_one, level))

    def kill(self, name: str, number: signal.Signals = signal.SIGKILL) -> None:
        """Send a signal to one process and return at once."""
        self.tasks[name].process.kill(number)

    def status(self) -> dict[str, Status]:
        """What runs and how often it had to be started again."""
        return {
            name: Status(task.state, task.process.pid, task.restarts, task.process.exit_code)
            for name, task in self.tasks.items()
        }


def levels(tasks: Mapping[str, Task]) -> list[tuple[str, ...]]:
    """The names in groups, each needing only those before it; what runs already is not waited for."""
    order = TopologicalSorter({name: set(task.needs) & set(tasks) for name, task in tasks.items()})
    found = []
    order.prepare()
    while order.is_active():
        found.append(order.get_ready())
        order.done(*found[-1])
    return found


async def until_stopped() -> signal.Signals:
    """The signal by which we are asked to stop: SIGINT or SIGTERM."""
    loop = asyncio.get_running_loop()
    asked: asyncio.Queue[signal.Signals] = asyncio.Queue()
    for number in STOP_SIGNALS:
        loop.add_signal_handler(number, asked.put_nowait, number)
    try:
        return await asked.get()
    finally:
        for number in STOP_SIGNALS:
            loop.remove_signal_handler(number)
