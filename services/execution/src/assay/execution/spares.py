"""The jobs that this worker is a spare of: inputs and checkpoints are fetched, and a child holds what the work needs.

A spare takes an idle child and no lease ever waits for it: when all are busy, the child of a spare goes to the lease.
Then its inputs are kept all the same. Nothing of it is in the journal: a worker that starts anew is nobody's spare.
"""

import asyncio
import logging
import shutil
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field

from assay.execution.inputs import Cache
from assay.execution.lease_run import Tools
from assay.runtime.keeping import Kept
from assay.runtime.naming import made_of, name_of
from assay.schema.errors import Refused
from assay.schema.event import Event
from assay.schema.lease import ResumePoint
from assay.schema.spare import CALLED, SpareAdvanced, SpareEnded, SpareGranted, SpareWarmed
from assay.workloads.errors import WorkloadError
from assay.workloads.registry import needs_box
from assay.workloads.runner import Runner
from assay.workloads.task import Failed, Warm

# Inputs are asked for so often, or the cache would forget them; and an idle child is looked for.
LOOK_S = 2.0

log = logging.getLogger(__name__)


class Cold(Exception):
    """This machine cannot keep warm for the job."""


@dataclass(eq=False)
class Spare:
    """One job that is kept warm for, where it would be carried on, and what its provider has told of that."""

    granted: SpareGranted
    point: ResumePoint | None
    moved: asyncio.Event = field(default_factory=asyncio.Event)
    child: Runner | None = None
    told: ResumePoint | None = None
    is_told: bool = False
    work: asyncio.Task[None] | None = None


class Spares:
    """All of them. `idle` are the children that nobody needs; `free` makes one that was needed idle again."""

    def __init__(
        self, idle: "asyncio.Queue[Runner]", free: Callable[[Runner], Awaitable[None]], tools: Tools, kept: Kept
    ) -> None:
        self._idle, self._free, self._tools, self._kept = idle, free, tools, kept
        self._spares: dict[str, Spare] = {}
        self._waiting, self._is_over = 0, False

    @property
    def ids(self) -> list[str]:
        """The spares that a heartbeat names."""
        return list(self._spares)

    def hear(self, event: Event) -> None:
        """Take up a spare, note how far its job is, or let it go."""
        match event:
            case SpareGranted() if event.spare_id not in self._spares and not self._is_over:
                spare = self._spares[event.spare_id] = Spare(event, event.resume)
                spare.work = self._kept.start(self._keep(spare))
            case SpareAdvanced() if held := self._spares.get(event.spare_id):
                held.point = event.point
                held.moved.set()
            # The lease that it is called to takes its child over.
            case SpareEnded() if event.code != CALLED and (held := self._spares.pop(event.spare_id, None)):
                self._kept.start(self._let_go(held))

    async def child_for(self, job_id: str) -> Runner:
        """The child for a lease: the one that is warm for its job, one that is idle, or another spare's."""
        called = next((spare for spare in self._spares.values() if spare.granted.job_id == job_id), None)
        if called:
            del self._spares[called.granted.spare_id]
            if child := await self._part(called):
                return child
        self._waiting += 1
        try:
            if self._idle.empty() and (child := await self._recall()):
                return child
            return await self._idle.get()
        finally:
            self._waiting -= 1

    async def lend(self) -> list[Runner]:
        """The children of all spares, which go on without until one is idle again."""
        lent: list[Runner] = []
        while child := await self._recall():
            lent.append(child)
        return lent

    async def close(self) -> None:
        """Let go of all, for good."""
        self._is_over = True
        while self._spares:
            await self._let_go(self._spares.popitem()[1])

    async def _recall(self) -> Runner | None:
        """The child of a spare, which goes on without, unless it is let go meanwhile."""
        spare = next((spare for spare in self._spares.values() if spare.child), None)
        if spare is None:
            return None
        # Its inputs stay: a sealed one would be forgotten, and fetched again, for each child that is lent.
        with self._tools.cache.reading(spare.granted.spec):
            child = await self._part(spare)
            if self._spares.get(spare.granted.spare_id) is spare:
                spare.work = self._kept.start(self._keep(spare))
                await asyncio.sleep(0)
        return child

    async def _let_go(self, spare: Spare) -> None:
        if child := await self._part(spare):
            await self._free(child)

    async def _part(self, spare: Spare) -> Runner | None:
        """The spare's child, if it has one, once nothing is done for the spare any more.

        Whoever comes first has the child: it is taken before anything is waited for.
        """
        child, spare.child = spare.child, None
        if spare.work:
            spare.work.cancel()
            await asyncio.wait([spare.work])
        return child

    async def _keep(self, spare: Spare) -> None:
        """Keep warm until the spare is let go; one that cannot be kept warm is not named in heartbeats any more.

        Whoever cuts it off has the child, and knows what becomes of the spare.
        """
        try:
            with self._tools.cache.reading(spare.granted.spec):
                await self._keep_warm(spare)
        except (Cold, Refused, WorkloadError, OSError) as error:
            log.warning("no spare: %s", error, extra={"job": spare.granted.job_id})
        self._spares.pop(spare.granted.spare_id, None)
        child, spare.child = spare.child, None
        if child:
            await self._free(child)

    async def _keep_warm(self, spare: Spare) -> None:
        """Keep warm until the job's deadline. Raises Cold, Refused, WorkloadError."""
        if needs_box((spare.granted.spec.kind,)):
            raise Cold("Work that executes programs has a child of its own for each lease.")
        while self._tools.now() < spare.granted.deadline_ms:
            await self._warm(spare)
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_S):
                    await spare.moved.wait()

    async def _warm(self, spare: Spare) -> None:
        spare.moved.clear()
        point, cache, spec = spare.point, self._tools.cache, spare.granted.spec
        names = [name_of(digest, spec) for digest in spec.inputs]
        await cache.fetch_all((*names, *([made_of(point.checkpoint, spec)] if point else ())))
        if spare.child is None and not self._idle.empty() and not self._waiting:
            spare.child = self._idle.get_nowait()
            await self._load(spare, spare.child, cache)
        if spare.child and not (spare.is_told and spare.told == point):
            self._tell(spare, point)

    async def _load(self, spare: Spare, child: Runner, cache: Cache) -> None:
        """Have the child hold what the work needs. Raises Cold, Refused."""
        room, granted = child.policy, spare.granted
        assert room is not None and room.inputs is not None
        folder, laid = room.scratch / granted.spare_id, room.inputs / granted.spare_id
        folder.mkdir(parents=True, exist_ok=True)
        try:
            read = {digest: name_of(digest, granted.spec) for digest in granted.spec.inputs}
            found = await cache.lay_all(read.values(), laid)
            inputs = {digest: found[name] for digest, name in read.items()}
            names = {"models": str(self._tools.models_dir), "folder": str(folder)}
            task = Warm(kind=granted.spec.kind, params=granted.spec.params, inputs=inputs, **names)
            async for message in child.run(task):
                if isinstance(message, Failed):
                    raise Cold(f"{message.code}: {message.detail}")
        finally:
            for done in (folder, laid):
                shutil.rmtree(done, ignore_errors=True)

    def _tell(self, spare: Spare, point: ResumePoint | None) -> None:
        granted = spare.granted
        spare.told, spare.is_told = point, True
        fact = {"spare_id": granted.spare_id, "job_id": granted.job_id, "provider": granted.provider}
        self._tools.outgoing.say(SpareWarmed(**fact, segment=point.segment if point else None))
